/** Metrics of queue-manager. Sums over the shards that this process owns; gauges are computed when scraped. */
import { DestinationLabels } from '@railpost/runtime';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ShardQueue } from './queue/shard-queue.ts';

/** Metrics that are counted as things happen. */
export interface QueueMetrics {
  readonly redispatches: Counter;
  readonly lateDuplicates: Counter;
  readonly journalFlushes: Counter;
  readonly journalEntries: Counter;
  readonly outcomes: Counter;
  readonly dispatchedJobs: Counter;
  /** `undecodable`, `content-gone`, `content-damaged`, `record-missing`. */
  readonly corrupt: Counter<'reason'>;
  readonly damagedJournalObjects: Counter;
  /** By number of docs/durability.md; must stay 0. */
  readonly invariantViolations: Counter<'invariant'>;
  readonly takeoverSeconds: Histogram;
  /** Bounded `destination` label for `dispatchedJobs`. */
  readonly labels: DestinationLabels;
}

/** Registers the metrics. @param queues the queues of the shards owned now */
export function createMetrics(registry: Registry, queues: () => Iterable<ShardQueue>): QueueMetrics {
  const registers = [registry];
  registerGauges(registers, queues);
  const dispatchedJobs = new Counter({
    name: 'railpost_dispatched_jobs_total',
    help: 'Jobs handed to delivery agents, for the 20 largest destinations; the rest is other.',
    labelNames: ['destination'],
    registers,
  });
  const invariantViolations = new Counter({
    name: 'railpost_invariant_violations_total',
    help: 'Violations of an invariant of docs/durability.md, by its number. Above 0 is a bug: alert.',
    labelNames: ['invariant'] as const,
    registers,
  });
  for (const invariant of ['2', '3']) invariantViolations.inc({ invariant }, 0);
  return {
    invariantViolations,
    dispatchedJobs,
    labels: new DestinationLabels([dispatchedJobs]),
    redispatches: new Counter({
      name: 'railpost_redispatch_total',
      help: 'Jobs given to another agent because theirs fell silent, by the phase it was last heard in.',
      labelNames: ['phase'],
      registers,
    }),
    lateDuplicates: new Counter({
      name: 'railpost_late_duplicates_total',
      help: 'Jobs or outcomes that were already settled when they came.',
      registers,
    }),
    journalFlushes: new Counter({
      name: 'railpost_journal_appends_total',
      help: 'Appends to the completion journal (several share one object).',
      registers,
    }),
    journalEntries: new Counter({
      name: 'railpost_journal_entries_total',
      help: 'Entries of the completion journal by kind.',
      labelNames: ['kind'],
      registers,
    }),
    outcomes: new Counter({
      name: 'railpost_outcomes_total',
      help: 'Recipients by what an attempt came to.',
      labelNames: ['transport', 'disposition'],
      registers,
    }),
    corrupt: new Counter({
      name: 'railpost_queue_corrupt_total',
      help: 'Jobs that cannot be processed, by reason; all but missing records are moved to CORRUPT. Must be 0.',
      labelNames: ['reason'],
      registers,
    }),
    damagedJournalObjects: new Counter({
      name: 'railpost_journal_damaged_total',
      help: 'Damaged objects of the completion journal met at takeovers. Must be 0.',
      registers,
    }),
    takeoverSeconds: new Histogram({
      name: 'railpost_takeover_seconds',
      help: 'From the lease to the first dispatch of a shard.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
  };
}

function registerGauges(registers: Registry[], queues: () => Iterable<ShardQueue>): void {
  const jobs = new Gauge({
    name: 'railpost_queue_jobs',
    help: 'Jobs in the queue by state.',
    labelNames: ['state'],
    registers,
    collect() {
      const sums = { active: 0, deferred: 0, held: 0, bouncing: 0, reporting: 0 };
      for (const queue of queues()) {
        const counts = queue.counts();
        for (const state of ['active', 'deferred', 'held', 'bouncing', 'reporting'] as const)
          sums[state] += counts[state];
      }
      for (const [state, count] of Object.entries(sums)) jobs.set({ state }, count);
    },
  });
  const deliverable = new Gauge({
    name: 'railpost_deliverable_jobs',
    help: 'Jobs that windows allow to be dispatched now, by transport: what agents scale on.',
    labelNames: ['transport'],
    registers,
    collect() {
      const sums = new Map<string, number>();
      for (const queue of queues())
        for (const [transport, count] of queue.counts().deliverable)
          sums.set(transport, (sums.get(transport) ?? 0) + count);
      for (const [transport, count] of sums) deliverable.set({ transport }, count);
    },
  });
  const inFlight = new Gauge({
    name: 'railpost_jobs_in_flight',
    help: 'Jobs in the hand of delivery agents.',
    registers,
    collect() {
      let sum = 0;
      for (const queue of queues()) sum += queue.dispatched.size;
      inFlight.set(sum);
    },
  });
  const destinations = new Gauge({
    name: 'railpost_destinations',
    help: 'Destinations that jobs wait for.',
    registers,
    collect() {
      let sum = 0;
      for (const queue of queues()) sum += queue.destinations.size;
      destinations.set(sum);
    },
  });
}
