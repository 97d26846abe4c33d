/**
 * How long a job may wait: the lifetime, or that of bounces for the null reverse-path (Postfix maximal_queue_lifetime,
 * bounce_queue_lifetime). Time held counts, suspended time does not. Pure.
 */

/** Lifetimes, milliseconds. */
export interface LifetimeSettings {
  readonly lifetimeMs: number;
  readonly bounceLifetimeMs: number;
  /** 0 = no warnings. */
  readonly delayWarningMs: number;
}

/** What decides the age of a job. */
export interface AgeFacts {
  /** Empty: null reverse-path. */
  readonly reversePath: string;
  readonly receivedAtMs: number;
  readonly suspendedMs: number;
}

/** When the job expires, milliseconds since the epoch. */
export function expiresAtMs(facts: AgeFacts, settings: LifetimeSettings): number {
  const lifetimeMs = facts.reversePath === '' ? settings.bounceLifetimeMs : settings.lifetimeMs;
  return facts.receivedAtMs + facts.suspendedMs + lifetimeMs;
}

/** True when the sender is to be told that the job is late (Postfix delay_warning_time). Never for the null reverse-path. */
export function isLate(facts: AgeFacts, nowMs: number, settings: LifetimeSettings): boolean {
  if (settings.delayWarningMs === 0 || facts.reversePath === '') return false;
  return nowMs >= facts.receivedAtMs + facts.suspendedMs + settings.delayWarningMs;
}
