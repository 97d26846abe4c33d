/**
 * The concurrency window of one destination: grows by one with every completed delivery, shrinks by one with every
 * failure to reach the destination, and declares it dead after one cohort of failures (Postfix qmgr(8):
 * default_destination_concurrency_positive_feedback = 1, _negative_feedback = 1, _failed_cohort_limit = 1;
 * SCHEDULER_README). Pure: a window is a value.
 */

/** Bounds of the window (Postfix initial_destination_concurrency, default_destination_concurrency_limit). */
export interface ConcurrencySettings {
  readonly concurrencyInitial: number;
  readonly concurrencyLimit: number;
}

/** State of one destination. */
export interface Window {
  /** Deliveries that may run at once. */
  readonly size: number;
  /** Failures since the last success, in units of the window they happened in. */
  readonly failedCohorts: number;
  /** True: deliver nothing until the backoff is over. */
  readonly isDead: boolean;
}

const failedCohortLimit = 1;

/** The window of a destination that nothing is known of. */
export function openWindow(settings: ConcurrencySettings): Window {
  return {
    size: Math.max(1, Math.min(settings.concurrencyInitial, settings.concurrencyLimit)),
    failedCohorts: 0,
    isDead: false,
  };
}

/**
 * After a delivery that reached the destination, whatever it said of the recipients.
 * @param busy deliveries in flight: a window that is not used does not grow
 */
export function afterContact(window: Window, busy: number, settings: ConcurrencySettings): Window {
  if (window.isDead) return openWindow(settings);
  const mayGrow = window.size < settings.concurrencyLimit && window.size < busy + settings.concurrencyInitial;
  return { size: mayGrow ? window.size + 1 : window.size, failedCohorts: 0, isDead: false };
}

/** After an attempt that got no connection or greeting. */
export function afterFailure(window: Window): Window {
  if (window.isDead) return window;
  const failedCohorts = window.failedCohorts + 1 / window.size;
  return {
    size: Math.max(1, window.size - 1),
    failedCohorts,
    isDead: failedCohorts >= failedCohortLimit,
  };
}
