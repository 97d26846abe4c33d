import { describe, expect, it } from 'vitest';
import { newSegmentKey, segmentTimeMs, survivorNumber, survivorPrefix } from './segment-key.ts';

const noon = Date.UTC(2026, 10, 21, 12);

describe('segment names', () => {
  it('sort by time and tell it', () => {
    const keys = [noon - 86_400_000, noon, noon + 1, noon + 1000, noon + 86_400_000].map(newSegmentKey);

    expect(keys.toSorted()).toEqual(keys);
    expect(segmentTimeMs(keys[2] ?? '')).toBe(noon + 1);
    expect(keys[1]).toMatch(/^segment\/2026-11-21\/[0-9a-z]{25}$/);
  });

  it('differ even within a millisecond', () => {
    const keys = new Set(Array.from({ length: 1000 }, () => newSegmentKey(noon)));

    expect(keys.size).toBe(1000);
  });

  it('number the copies of survivors', () => {
    const key = newSegmentKey(noon);

    expect(survivorPrefix(key)).toBe(`${key}~`);
    expect(survivorPrefix(`${key}~3`)).toBe(`${key}~`);
    expect([key, `${key}~2`, `${key}~10`].map(survivorNumber)).toEqual([0, 2, 10]);
    expect(segmentTimeMs(`${key}~10`)).toBe(noon);
    expect(segmentTimeMs('journal/1/0/5-5-5')).toBeUndefined();
  });
});
