/** Order statistics: the tables stand on them. */
import { describe, expect, it } from 'vitest';
import { median, percentile } from './statistics.ts';

describe('median', () => {
  it('is the middle of an odd number of values, in whatever order they come', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the middle two of an even number', () => {
    expect(median([4, 1, 2, 100])).toBe(3);
  });

  it('of nothing is not a number, so that a figure that was not measured is none', () => {
    expect(median([])).toBeNaN();
  });
});

describe('percentile', () => {
  it('leaves its share of the values below', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);

    expect(percentile(values, 0.99)).toBe(100);
    expect(percentile(values, 0.5)).toBe(51);
  });

  it('of one value is that value', () => {
    expect(percentile([7], 0.99)).toBe(7);
  });
});
