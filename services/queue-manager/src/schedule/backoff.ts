/**
 * When a deferred job is tried again: the minimum after the first attempt, doubling with every further one up to the
 * maximum (Postfix minimal_backoff_time, maximal_backoff_time). Pure.
 */

/** Bounds of the backoff, milliseconds. */
export interface BackoffSettings {
  readonly backoffMinimumMs: number;
  readonly backoffMaximumMs: number;
}

/** Pause after the attempt number `tries` (1 = the first), milliseconds. */
export function backoffMs(tries: number, settings: BackoffSettings): number {
  const doublings = Math.min(Math.max(tries - 1, 0), 40);
  return Math.min(settings.backoffMinimumMs * 2 ** doublings, settings.backoffMaximumMs);
}

/**
 * Time of the next attempt, milliseconds since the epoch. Never later than the expiry that lies ahead, so that the last
 * attempt is made when the lifetime ends and not up to a whole backoff later.
 */
export function nextAttemptMs(
  tries: number,
  times: { readonly nowMs: number; readonly expiresAtMs: number },
  settings: BackoffSettings,
): number {
  const next = times.nowMs + backoffMs(tries, settings);
  return times.expiresAtMs > times.nowMs ? Math.min(next, times.expiresAtMs) : next;
}
