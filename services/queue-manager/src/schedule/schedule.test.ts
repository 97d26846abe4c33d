import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, nextAttemptMs } from './backoff.ts';
import { type Window, afterContact, afterFailure, openWindow } from './concurrency.ts';
import { expiresAtMs, isLate } from './expire.ts';
import { activeLimit, afterJob, noPace } from './pace.ts';
import { deepest, nextDepth, serveInTurn } from './pick.ts';

const backoff = { backoffMinimumMs: 300_000, backoffMaximumMs: 4_000_000 };
const concurrency = { concurrencyInitial: 5, concurrencyLimit: 20 };
const lifetimes = { lifetimeMs: 432_000_000, bounceLifetimeMs: 86_400_000, delayWarningMs: 14_400_000 };

describe('backoff', () => {
  it.each([
    [1, 300_000],
    [2, 600_000],
    [3, 1_200_000],
    [4, 2_400_000],
    [5, 4_000_000],
    [500, 4_000_000],
    [0, 300_000],
  ])('after attempt %i waits %i ms', (tries, expected) => {
    expect(backoffMs(tries, backoff)).toBe(expected);
  });

  it('never shrinks and stays within its bounds', () => {
    fc.assert(
      fc.property(fc.nat(10_000), (tries) => {
        const now = backoffMs(tries, backoff);
        expect(now).toBeGreaterThanOrEqual(backoff.backoffMinimumMs);
        expect(now).toBeLessThanOrEqual(backoff.backoffMaximumMs);
        expect(backoffMs(tries + 1, backoff)).toBeGreaterThanOrEqual(now);
      }),
    );
  });

  it('makes the last attempt when the lifetime ends, not a backoff later', () => {
    expect(nextAttemptMs(5, { nowMs: 1000, expiresAtMs: 2000 }, backoff)).toBe(2000);
    expect(nextAttemptMs(1, { nowMs: 3000, expiresAtMs: 2000 }, backoff)).toBe(303_000);
  });
});

describe('concurrency window', () => {
  it('grows by one with every contact while it is used, up to the limit', () => {
    let window = openWindow(concurrency);
    const sizes: number[] = [];
    for (let count = 0; count < 20; count += 1) {
      window = afterContact(window, window.size, concurrency);
      sizes.push(window.size);
    }

    expect(sizes.slice(0, 3)).toEqual([6, 7, 8]);
    expect(window.size).toBe(20);
  });

  it('does not grow while fewer deliveries run than it allows', () => {
    const idle = afterContact({ size: 8, failedCohorts: 0, isDead: false }, 1, concurrency);

    expect(idle.size).toBe(8);
  });

  it.each([
    { size: 1, failures: 1 },
    { size: 2, failures: 2 },
    { size: 5, failures: 4 },
    { size: 20, failures: 13 },
  ])('of size $size is dead after $failures failures in a row', ({ size, failures }) => {
    let window: Window = { size, failedCohorts: 0, isDead: false };
    let count = 0;
    while (!window.isDead) {
      window = afterFailure(window);
      count += 1;
    }

    expect(count).toBe(failures);
  });

  it('forgets failures at the first contact and opens anew when it was dead', () => {
    const almost = afterFailure(afterFailure(openWindow(concurrency)));
    const dead: Window = { size: 1, failedCohorts: 1.2, isDead: true };

    expect(afterContact(almost, 3, concurrency).failedCohorts).toBe(0);
    expect(afterContact(dead, 1, concurrency)).toEqual(openWindow(concurrency));
  });

  it('stays within 1 and the limit whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), fc.nat(30), (events, busy) => {
        let window = openWindow(concurrency);
        for (const isContact of events) {
          window = isContact ? afterContact(window, busy, concurrency) : afterFailure(window);
          expect(window.size).toBeGreaterThanOrEqual(1);
          expect(window.size).toBeLessThanOrEqual(concurrency.concurrencyLimit);
        }
      }),
    );
  });
});

describe('expiry', () => {
  const facts = { reversePath: 'a@example.test', receivedAtMs: 1_000_000, suspendedMs: 0 };

  it.each([
    ['a sender', facts, 1_000_000 + lifetimes.lifetimeMs],
    ['the null reverse-path', { ...facts, reversePath: '' }, 1_000_000 + lifetimes.bounceLifetimeMs],
    ['time suspended', { ...facts, suspendedMs: 5000 }, 1_005_000 + lifetimes.lifetimeMs],
  ])('counts %s', (_, given, expected) => {
    expect(expiresAtMs(given, lifetimes)).toBe(expected);
  });

  it('calls a job late after the warning time, but never for the null reverse-path or when warnings are off', () => {
    const lateMs = facts.receivedAtMs + lifetimes.delayWarningMs;

    expect(isLate(facts, lateMs - 1, lifetimes)).toBe(false);
    expect(isLate(facts, lateMs, lifetimes)).toBe(true);
    expect(isLate({ ...facts, reversePath: '' }, lateMs, lifetimes)).toBe(false);
    expect(isLate(facts, lateMs, { ...lifetimes, delayWarningMs: 0 })).toBe(false);
  });
});

describe('turns', () => {
  interface Lane {
    readonly key: string;
    ready: number;
    readonly turn: number;
  }
  const lane = (key: string, ready: number, turn = 1): Lane => ({ key, ready, turn });

  /** Serves as the dispatcher does: a lane without jobs leaves the ring. */
  function serve(ring: Set<Lane>, budget: number): Record<string, number> {
    const served: Record<string, number> = {};
    serveInTurn(ring, budget, (each, room) => {
      const taken = Math.min(each.ready, each.turn, room);
      each.ready -= taken;
      if (each.ready === 0) ring.delete(each);
      served[each.key] = (served[each.key] ?? 0) + taken;
      return taken;
    });
    return served;
  }

  it('gives a small destination its turn beside a large one', () => {
    const ring = new Set([lane('big', 1000), lane('small', 1)]);

    expect(serve(ring, 4)).toEqual({ big: 3, small: 1 });
  });

  it('goes on with the destination behind the one that was served last', () => {
    const ring = new Set([lane('a', 9), lane('b', 9), lane('c', 9)]);

    expect(Object.keys(serve(ring, 2))).toEqual(['a', 'b']);
    expect(Object.keys(serve(ring, 2))).toEqual(['c', 'a']);
  });

  it('asks a lane that has nothing for now only once', () => {
    const ring = new Set([lane('blocked', 0), lane('a', 2)]);
    const asked: string[] = [];

    serveInTurn(ring, 10, (each) => {
      asked.push(each.key);
      if (each.ready === 0) return 0;
      each.ready -= 1;
      if (each.ready === 0) ring.delete(each);
      return 1;
    });

    expect(asked).toEqual(['blocked', 'a', 'a']);
  });

  it('ends at once when the frame is full', () => {
    const ring = new Set([lane('a', 9), lane('b', 9)]);
    let asked = 0;

    serveInTurn(ring, 10, () => {
      asked += 1;
      return undefined;
    });

    expect(asked).toBe(1);
  });

  it('takes all that is ready or the whole budget, whichever is less', () => {
    const lanes = fc.array(
      fc.record({ ready: fc.integer({ min: 1, max: 30 }), turn: fc.integer({ min: 1, max: 16 }) }),
      {
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(lanes, fc.nat(100), (made, budget) => {
        const ring = new Set(made.map((each, index) => lane(String(index), each.ready, each.turn)));
        const possible = made.reduce((sum, each) => sum + each.ready, 0);

        const served = Object.values(serve(ring, budget)).reduce((sum, each) => sum + each, 0);

        expect(served).toBe(Math.min(budget, possible));
      }),
    );
  });
});

describe('depth', () => {
  it.each([
    { what: 'grows while batches are over at once', depth: 1, batchMs: 5, expected: 2 },
    { what: 'stays while batches take their time', depth: 4, batchMs: 200, expected: 4 },
    { what: 'shrinks when batches take long', depth: 8, batchMs: 500, expected: 4 },
    { what: 'never falls below one', depth: 1, batchMs: 60_000, expected: 1 },
    { what: 'has an end', depth: deepest, batchMs: 1, expected: deepest },
  ])('$what', ({ depth, batchMs, expected }) => {
    expect(nextDepth(depth, batchMs)).toBe(expected);
  });
});

describe('pace', () => {
  it.each([
    { what: 'of a destination that takes 500 a second', everyMs: 2, jobs: 2000, expected: 500 },
    { what: 'of a slow one', everyMs: 400, jobs: 20, expected: 2.5 },
    { what: 'is not known before a second has gone by', everyMs: 1, jobs: 500, expected: 0 },
    { what: 'is forgotten in a long pause', everyMs: 20_000, jobs: 10, expected: 0 },
  ])('$what', ({ everyMs, jobs, expected }) => {
    let pace = noPace;
    for (let count = 0; count < jobs; count += 1) pace = afterJob(pace, 1_000_000 + count * everyMs);

    expect(pace.perSecond).toBeCloseTo(expected, -1);
  });

  it.each([
    [0, 1000],
    [50, 1000],
    [300, 3000],
    [5000, 10_000],
  ])('of %s a second allows %s jobs in ACTIVE', (perSecond, jobs) => {
    expect(activeLimit(perSecond)).toBe(jobs);
  });
});
