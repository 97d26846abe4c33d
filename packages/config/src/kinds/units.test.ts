import { describe, expect, it } from 'vitest';
import { parsePrefix } from './network.ts';
import { decodeBase64, encodeBase64 } from './secret.ts';
import { durationMs, quantityBytes } from './units.ts';

describe('durations and quantities', () => {
  it.each([
    ['250ms', 250],
    ['300s', 300_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['5d', 432_000_000],
    ['0s', 0],
  ])('%s is %i ms', (text, expected) => {
    expect(durationMs(text)).toBe(expected);
  });

  it.each<readonly [string | number, number]>([
    [10_240_000, 10_240_000],
    ['512Ki', 524_288],
    ['50Mi', 52_428_800],
    ['50M', 50_000_000],
    ['1.5Gi', 1_610_612_736],
    ['1k', 1000],
  ])('%s is %i octets', (quantity, expected) => {
    expect(quantityBytes(quantity)).toBe(expected);
  });

  it('refuses what is neither', () => {
    expect(() => durationMs('5')).toThrow(RangeError);
    expect(() => durationMs('-5s')).toThrow(RangeError);
    expect(() => quantityBytes('5 Mi')).toThrow(RangeError);
    expect(() => quantityBytes(-1)).toThrow(RangeError);
  });
});

describe('prefixes', () => {
  it.each<readonly [string, readonly number[], number]>([
    ['10.2.0.0/16', [10, 2, 0, 0], 16],
    ['192.0.2.1/32', [192, 0, 2, 1], 32],
    ['0.0.0.0/0', [0, 0, 0, 0], 0],
    ['fd00::/8', [0xfd, ...Array.from({ length: 15 }, () => 0)], 8],
    ['2001:db8::1/128', [0x20, 0x01, 0x0d, 0xb8, ...Array.from({ length: 11 }, () => 0), 1], 128],
  ])('reads %s', (text, octets, length) => {
    expect(parsePrefix(text)).toMatchObject({ octets, length });
  });

  it.each([
    '10.0.0.0',
    '10.0.0/8',
    '10.0.0.0/33',
    '256.0.0.0/8',
    '010.0.0.0/8',
    '10.1.0.0/8',
    '::/129',
    ':::/16',
    '1::2::3/64',
    'fe80::1%eth0/64',
    '::ffff:10.0.0.0/104',
    'a/8',
    '',
  ])('refuses "%s"', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });
});

describe('base64', () => {
  it.each(['', 'a', 'ab', 'abc', 'abcd'])('"%s" survives', (text) => {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));

    expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
  });
});
