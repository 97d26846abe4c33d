import { describe, expect, it } from 'vitest';
import { CounterRanges } from './journal-tail.ts';

describe('counter ranges', () => {
  it('become one when what lies between is added', () => {
    const ranges = new CounterRanges();
    ranges.add(1, 2);
    ranges.add(5, 9);
    expect(ranges.includes(1, 9)).toBe(false);

    ranges.add(3, 4);

    expect(ranges.size).toBe(1);
    expect(ranges.includes(1, 9)).toBe(true);
  });

  it('include what a wider range covered', () => {
    const ranges = new CounterRanges();
    ranges.add(10, 20);

    expect(ranges.includes(12, 12)).toBe(true);
    expect(ranges.includes(9, 12)).toBe(false);
    expect(ranges.includes(20, 21)).toBe(false);
  });

  it('swallow ranges within', () => {
    const ranges = new CounterRanges();
    for (const [first, last] of [
      [4, 4],
      [6, 6],
      [1, 9],
    ] as const)
      ranges.add(first, last);

    expect(ranges.size).toBe(1);
    expect(ranges.includes(1, 9)).toBe(true);
  });
});
