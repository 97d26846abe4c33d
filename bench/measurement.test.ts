/** Targets: what makes a measurement fail. */
import { describe, expect, it } from 'vitest';
import { formatTargets, isMet } from './measurement.ts';

const target = { name: 'idle p50', unit: 'ms' };

describe('a target', () => {
  it.each([
    { value: 7.9, atMost: 8, expected: true },
    { value: 8, atMost: 8, expected: true },
    { value: 8.1, atMost: 8, expected: false },
    { value: 3.9, atLeast: 4, expected: false },
    { value: 4, atLeast: 4, expected: true },
  ])('is met or missed by its bound: $value', ({ expected, ...bounds }) => {
    expect(isMet({ ...target, ...bounds })).toBe(expected);
  });

  it('that could not be measured is missed', () => {
    expect(isMet({ ...target, value: Number.NaN, atMost: 8 })).toBe(false);
  });

  it('says so in words, with its bound', () => {
    expect(formatTargets([{ ...target, value: 9.123456, atMost: 8 }])).toBe(
      'MISSED idle p50: 9.123 ms (target <= 8 ms)\n',
    );
  });
});
