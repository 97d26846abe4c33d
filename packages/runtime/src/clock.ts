/**
 * Time as services see it: passed in, so that decisions stay pure and tests need no waiting.
 */

/** Source of time. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  nowMs(): number;
  /** Monotonic clock, milliseconds since an arbitrary start: for intervals, leases and deadlines. */
  monotonicMs(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
