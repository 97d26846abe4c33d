/** Metrics of cleanup. Labels are closed sets. */
import { Tally } from '@railpost/runtime';
import { Counter, Histogram, type Registry } from 'prom-client';

export interface CleanupMetrics {
  readonly messages: Counter;
  readonly jobs: Tally<'transport'>;
  readonly corrupt: Counter<'reason'>;
  readonly postponed: Counter;
  readonly dropped: Counter;
  readonly decideSeconds: Histogram;
}

/** Registers the metrics. */
export function createMetrics(registry: Registry): CleanupMetrics {
  const registers = [registry];
  return {
    messages: new Counter({
      name: 'railpost_cleanup_messages_total',
      help: 'Messages turned into delivery jobs.',
      registers,
    }),
    jobs: new Tally(registry, {
      name: 'railpost_cleanup_jobs_total',
      help: 'Delivery jobs written to ACTIVE, by transport.',
      labelNames: ['transport'],
    }),
    corrupt: new Counter({
      name: 'railpost_cleanup_corrupt_total',
      help: 'Records moved to CORRUPT: undecodable, failed too often, or without their content. Must be 0.',
      labelNames: ['reason'],
      registers,
    }),
    postponed: new Counter({
      name: 'railpost_cleanup_postponed_total',
      help: 'Deliveries of a record given back because the bus, the spool or this process could not serve it.',
      registers,
    }),
    dropped: new Counter({
      name: 'railpost_cleanup_dropped_total',
      help: 'Records given back unpublished after this process stood still for half of ack_wait.',
      registers,
    }),
    decideSeconds: new Histogram({
      name: 'railpost_cleanup_decide_seconds',
      help: 'Time to decide one message, lookups included.',
      buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1],
      registers,
    }),
  };
}
