import { describe, expect, it } from 'vitest';
import { decideSegment } from './decide.ts';
import type { IndexedSegment } from './spool-index.ts';

const minuteMs = 60_000;
const facts = { nowMs: 100 * minuteMs, garbageAfterMs: 10 * minuteMs, voidKeepMs: 1440 * minuteMs };

function segment(more: Partial<IndexedSegment>): IndexedSegment {
  const base = {
    key: 'X',
    bytes: 1100,
    timeMs: 0,
    state: 'readable' as const,
    records: 10,
    contentBytes: 1000,
  };
  return { ...base, openRecords: 0, openBytes: 0, ...more };
}

describe('a segment', () => {
  it.each([
    ['keep', 'old, all wanted', { openRecords: 10, openBytes: 1000 }],
    ['remove', 'old, nothing wanted', {}],
    ['keep', 'nothing wanted, exactly as old as must be', { timeMs: 90 * minuteMs }],
    ['remove', 'nothing wanted, older than must be', { timeMs: 90 * minuteMs - 1 }],
    ['copy', 'old, less than half wanted', { openRecords: 4, openBytes: 400 }],
    ['keep', 'old, half wanted', { openRecords: 5, openBytes: 500 }],
    ['keep', 'young, one wanted', { timeMs: 95 * minuteMs, openRecords: 1, openBytes: 100 }],
    ['keep', 'small messages, all wanted, mostly index', { bytes: 5000, openRecords: 10, openBytes: 1000 }],
    ['keep', 'damaged, some wanted', { state: 'damaged', openRecords: 1, openBytes: 100 }],
    ['remove', 'damaged, nothing wanted', { state: 'damaged' }],
    ['keep', 'unreadable', { state: 'damaged', records: 0, contentBytes: 0 }],
    ['keep', 'void', { state: 'void', records: 0, bytes: 0 }],
    ['remove', 'void of yesterday', { state: 'void', records: 0, bytes: 0, timeMs: -1341 * minuteMs }],
  ] as const)('is %s when it is %s', (decision, _, more) => {
    expect(decideSegment(segment(more), facts)).toBe(decision);
  });
});
