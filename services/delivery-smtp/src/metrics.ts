/** Metrics of delivery-smtp's own; those of all delivery agents come from the agent's frame. */
import { Tally } from '@railpost/runtime';
import { Gauge, Histogram, type Registry } from 'prom-client';

/** How a session came to be. */
export type SessionOrigin = 'reused' | 'new' | 'failed';

/** Metrics of one process. */
export interface DeliverySmtpMetrics {
  readonly sessions: Tally<'transport' | 'origin' | 'tls'>;
  readonly sessionOpenSeconds: Histogram<'transport'>;
}

/** Registers the metrics. */
export function createMetrics(registry: Registry, idleSessions: () => number): DeliverySmtpMetrics {
  const registers = [registry];
  const idle: Gauge = new Gauge({
    name: 'railpost_smtp_idle_sessions',
    help: 'Sessions kept for the next message.',
    registers,
    collect: () => idle.set(idleSessions()),
  });
  return {
    sessions: new Tally(registry, {
      name: 'railpost_smtp_sessions_total',
      help: 'Sessions taken for a delivery: reused, new, or failed before a transaction; tls: yes, verified, no.',
      labelNames: ['transport', 'origin', 'tls'],
    }),
    sessionOpenSeconds: new Histogram({
      name: 'railpost_smtp_session_open_seconds',
      help: 'Time from connecting until a session is ready for a transaction.',
      labelNames: ['transport'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30, 300],
      registers,
    }),
  };
}
