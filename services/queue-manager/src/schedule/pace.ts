/**
 * How fast a destination takes jobs, and how many of its jobs may therefore be in ACTIVE at once; the rest is parked in DEFER, so that a flood
 * leaves ACTIVE to others (blueprint section 8). What a destination takes within seconds is not worth a record of its own. Pure.
 */

/** Jobs of any destination that may be in ACTIVE. */
const fewest = 1000;
/** Half of what the consumer of ACTIVE has in hand at most. */
const most = 10_000;
/** Seconds worth of jobs that may be in ACTIVE. */
const seconds = 10;
const periodMs = 1000;

/** The pace of one destination, a value. */
export interface Pace {
  /** Jobs that ended per second, of the last whole period. */
  readonly perSecond: number;
  /** Jobs that ended in the present period. */
  readonly count: number;
  /** Beginning of the present period, monotonic milliseconds. */
  readonly sinceMs: number;
}

/** The pace of a destination that nothing is known of. */
export const noPace: Pace = { perSecond: 0, count: 0, sinceMs: 0 };

/** After the end of a job, whatever came of it. @param nowMs monotonic */
export function afterJob(pace: Pace, nowMs: number): Pace {
  const { perSecond, count, sinceMs } = pace;
  const elapsedMs = nowMs - sinceMs;
  if (elapsedMs < periodMs) return { perSecond, count: count + 1, sinceMs };
  // After a long pause, or at the first job, there is no period to speak of.
  if (elapsedMs > 10 * periodMs) return { perSecond: 0, count: 1, sinceMs: nowMs };
  return { perSecond: ((count + 1) * 1000) / elapsedMs, count: 0, sinceMs: nowMs };
}

/** Jobs of a destination that may be in ACTIVE. */
export function activeLimit(perSecond: number): number {
  return Math.min(most, Math.max(fewest, Math.round(perSecond * seconds)));
}
