/** Spellings of name servers. */
import { describe, expect, it } from 'vitest';
import { parseNameServer } from './servers.ts';

describe('parseNameServer', () => {
  it.each([
    ['192.0.2.1', { address: '192.0.2.1', port: 53 }],
    ['192.0.2.1:5353', { address: '192.0.2.1', port: 5353 }],
    ['2001:db8::1', { address: '2001:db8::1', port: 53 }],
    ['[2001:db8::1]:5353', { address: '2001:db8::1', port: 5353 }],
  ])('reads %s', (text, expected) => {
    expect(parseNameServer(text)).toEqual(expected);
  });

  it.each(['', 'dns.test', '192.0.2', '192.0.2.1:0', '192.0.2.1:99999', '[192.0.2.1'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseNameServer(text)).toThrow(RangeError);
    },
  );
});
