/**
 * Effects on the outside, in the order of durability rules 5, 6 and 12: journal what is finished, write what is still owed,
 * and only then acknowledge or delete anything in NATS. Effects on one job run one after another ({@link exclusively}).
 * Rejects with DeposedError or BusClosedError when the term is over; then nothing was acknowledged and the next owner
 * finds everything where it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type FencedWriter, deleteStored } from '@railpost/bus';
import {
  type DeferRecord,
  type DeferSummary,
  type HoldSet,
  type JournalEntry,
  deferHeader,
  encodeRecord,
  formatDeferSummary,
} from '@railpost/contracts';
import type { JournalWriter } from '@railpost/spool';
import type { QueueContext } from './context.ts';
import { removed } from './events.ts';
import { assertJournalled } from './invariants.ts';
import type { QueueMetrics } from './metrics.ts';
import type { Settlement } from './outcome/settle.ts';
import type { DoneSet } from './queue/done-set.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import type { ShardQueue } from './queue/shard-queue.ts';

/** What the effects work on. */
export interface EffectParts {
  readonly context: QueueContext;
  readonly shard: number;
  readonly writer: FencedWriter;
  readonly journal: JournalWriter;
  readonly queue: ShardQueue;
  readonly done: DoneSet;
  readonly holds: HoldSet;
  readonly metrics: QueueMetrics;
  /** Aborts with the term. */
  readonly signal: AbortSignal;
}

const deleteRetryMs = 1000;

/** The effects of one term of one shard. */
export class Effects {
  readonly #parts: EffectParts;
  /** Last sequences known, for the journal (rules 17, 18). */
  readonly #lastSequences: Record<string, number> = {};

  /** Records of DEFER whose removal was begun. */
  deletes = 0;

  constructor(parts: EffectParts) {
    this.#parts = parts;
  }

  /** Last sequences that this term has seen or written, by stream. */
  get lastSequences(): Readonly<Record<string, number>> {
    return this.#lastSequences;
  }

  /** Notes the highest sequence seen of ACTIVE. */
  noteActive(sequence: number): void {
    const { context, shard } = this.#parts;
    const stream = context.bus.names.activeStream(shard);
    this.#lastSequences[stream] = Math.max(this.#lastSequences[stream] ?? 0, sequence);
  }

  /** Resolves when the entries are durable; only then they count in the done and hold sets. */
  async journal(entries: readonly JournalEntry[], incomingSequence: number): Promise<void> {
    if (entries.length === 0) return;
    const { journal, done, holds, metrics, context, shard } = this.#parts;
    await journal.append(entries, this.#lastSequences);
    context.setProblem(`journal-${shard}`, undefined);
    metrics.journalFlushes.inc();
    for (const entry of entries) {
      done.add(entry, incomingSequence, context.clock.nowMs());
      holds.apply(entry);
      metrics.journalEntries.inc({ kind: entry.kind });
    }
  }

  /** Writes the job's record to DEFER and acknowledges its message of ACTIVE. The record wins over that from now on. */
  async defer(job: QueuedJob, record: DeferRecord): Promise<void> {
    this.#parts.context.crashPoint('queue.defer-before-write');
    await this.#write(job, record);
    this.#parts.context.crashPoint('queue.defer-written-before-ack');
    this.acknowledge(job);
  }

  async #write(job: QueuedJob, record: DeferRecord): Promise<void> {
    const { context, shard, writer } = this.#parts;
    const { names } = context.bus;
    const subject = names.deferSubject(shard, record.job.destination, job.jobId);
    const headers = { [deferHeader]: formatDeferSummary(summaryOf(record)) };
    job.deferSequence = await writer.write(subject, encodeRecord(record), headers);
    this.#lastSequences[names.deferStream(shard)] = job.deferSequence;
    job.record = record;
    job.state = record.state;
    job.tries = record.tries;
    job.nextMs = record.nextMs;
  }

  /** Acknowledges the job's message of ACTIVE, if it still has one. */
  acknowledge(job: QueuedJob): void {
    job.active?.ack();
    this.#parts.queue.clearActive(job);
  }

  /** Carries a settlement out and puts the job back to work, or lets it go. */
  async apply(job: QueuedJob, settlement: Settlement, incomingSequence: number): Promise<void> {
    if (this.#parts.context.mutant === 'journal-before-effect') {
      await this.journal(unspooledEntries(settlement), incomingSequence);
    }
    if (settlement.first !== undefined) {
      await this.#write(job, settlement.first);
      this.#parts.context.crashPoint('queue.report-owed');
    }
    await this.journal(settlement.entries, incomingSequence);
    if (settlement.entries.length > 0) this.#parts.context.crashPoint('queue.journalled-before-ack');
    if (settlement.next === undefined) {
      assertJournalled(this.#parts, job);
      return this.finish(job);
    }
    await this.defer(job, settlement.next);
    job.task = taskOf(settlement);
    this.#parts.queue.place(job, this.#parts.context.clock.nowMs());
  }

  /** Lets a job go whose recipients are all in the journal: acknowledges, deletes, forgets. */
  finish(job: QueuedJob): void {
    const { context, queue } = this.#parts;
    this.acknowledge(job);
    if (job.deferSequence > 0) {
      this.deletes += 1;
      void this.#delete(job.deferSequence);
    }
    job.deferSequence = 0;
    if (queue.remove(job)) removed(context.log, { queueId: job.queueId });
  }

  /** Deletes need no fence: a sequence names one record for ever. Repeated until it works or the term ends. */
  async #delete(sequence: number): Promise<void> {
    const { context, shard, signal } = this.#parts;
    while (!signal.aborted) {
      try {
        return await deleteStored(context.bus, context.bus.names.deferStream(shard), sequence);
      } catch {
        // NATS is away; if the term ends before it is back, the next owner finds the record and its journal entries.
        await sleep(deleteRetryMs);
      }
    }
  }
}

/** Runs an effect on a job after those that were begun before. The chain ends with the first rejection. */
export function exclusively(job: QueuedJob, effect: () => Promise<void>): Promise<void> {
  const work = (job.work ?? Promise.resolve()).then(effect);
  job.work = work;
  const forget = () => {
    if (job.work === work) job.work = undefined;
  };
  work.then(forget, () => undefined);
  return work;
}

/** What no owner journals now but the mutant: `bounced` of recipients whose DSN is still to be made. */
function unspooledEntries({ next }: Settlement): JournalEntry[] {
  if (next?.state !== 'bouncing') return [];
  return next.bouncing.flatMap((index) => {
    const recipient = next.job.recipients[index];
    if (recipient === undefined) return [];
    const { orig, final, run, n } = recipient;
    return [{ queueId: next.job.queueId, orig, final, kind: 'bounced', run, n }];
  });
}

function taskOf(settlement: Settlement): QueuedJob['task'] {
  if (settlement.next?.state === 'bouncing') return 'failure';
  if (settlement.next?.state === 'reporting' || settlement.isSuccessReportDue) return 'success';
  return settlement.isDelayReportDue ? 'delay' : 'deliver';
}

/** What the header of a DEFER record says. */
export function summaryOf(record: DeferRecord): DeferSummary {
  return {
    state: record.state,
    nextMs: Math.round(record.nextMs),
    tries: record.tries,
    queueId: record.job.queueId,
    receivedAtMs: Date.parse(record.job.receivedAt),
    transport: record.job.nextHop.transport,
  };
}
