import { describe, expect, it } from 'vitest';
import { encodeBundle, unbundle } from './bundle.ts';
import { encodeFrame, encodeRecord } from './frame.ts';

const records = [
  { subject: 'rp.in.a', payload: encodeFrame({ a: 1 }, Uint8Array.of(0, 255, 10)) },
  { subject: 'rp.in.bb', payload: encodeRecord({ text: 'grüße' }) },
  { subject: 'rp.in.c', payload: new Uint8Array(0) },
];

describe('bundle', () => {
  it('gives each record back under its own subject', () => {
    const taken = unbundle('rp.in.a', encodeBundle(records));

    expect(taken.map((each) => ({ ...each, payload: Uint8Array.from(each.payload) }))).toEqual(records);
  });

  it('takes a bus message that is no bundle for its own only record', () => {
    for (const payload of [...records.map((each) => each.payload), new Uint8Array([0x52, 0x50])])
      expect(unbundle('rp.in.x', payload)).toEqual([{ subject: 'rp.in.x', payload }]);
  });

  it.each([
    ['cut off', (bundle: Uint8Array) => bundle.subarray(0, -1)],
    ['too long', (bundle: Uint8Array) => Uint8Array.from([...bundle, 0])],
    ['with a wrong count', (bundle: Uint8Array) => bundle.with(7, 4)],
    ['of nothing', () => encodeBundle([])],
    ['with a length that leads out of it', (bundle: Uint8Array) => bundle.with(10, 0x7f)],
  ])('leaves a bundle %s whole, for its consumer to call corrupt', (_what, damage) => {
    const damaged = damage(encodeBundle(records));

    expect(unbundle('rp.in.a', damaged)).toEqual([{ subject: 'rp.in.a', payload: damaged }]);
  });
});
