/** Places of messages in reply subjects, old form and new. */
import { describe, expect, it } from 'vitest';
import { deliveryOf } from './delivery-sequence.ts';

const octets = (text: string) => Buffer.from(text, 'latin1');

describe('the place of a message', () => {
  it.each([
    ['the short form', '$JS.ACK.rp_DEFER_0.c1.1.1099511627777.42.1795000000000000000.7'],
    ['the form with a domain', '$JS.ACK._.hash.rp_DEFER_0.c1.1.1099511627777.42.1795000000000000000.7'],
    [
      'the form with a token behind',
      '$JS.ACK.d.hash.rp_DEFER_0.c1.1.1099511627777.42.1795000000000000000.7.x',
    ],
  ])('is read in %s', (_, reply) => {
    expect(deliveryOf(octets(reply))).toEqual({ streamSequence: 1_099_511_627_777, consumerSequence: 42 });
  });

  it.each([
    ['an inbox', '_INBOX.ABC.1'],
    ['words where numbers belong', '$JS.ACK.s.c.1.many.2.3.4'],
  ])('is not read in %s', (_, reply) => {
    expect(() => deliveryOf(octets(reply))).toThrow(TypeError);
  });
});
