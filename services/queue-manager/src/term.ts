/**
 * One term of one shard: everything this process knows and may do between taking the shard over and losing it. Terms are never
 * resumed: whoever takes the shard next, this process included, starts from an empty memory (durability rule 3).
 */
import { HoldSet } from '@railpost/contracts';
import type { FencedWriter, LeaseTerm } from '@railpost/bus';
import type { JournalOwner, JournalWriter } from '@railpost/spool';
import { Adoption } from './adoption.ts';
import type { QueueContext, Timing } from './context.ts';
import { Effects, exclusively } from './effects.ts';
import { suspendedDomainOf } from './gather.ts';
import type { QueueMetrics } from './metrics.ts';
import { DoneSet } from './queue/done-set.ts';
import { MessagesInHand } from './queue/messages-in-hand.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import { ShardQueue } from './queue/shard-queue.ts';
import { Strangers } from './queue/strangers.ts';

/** What a term starts with. */
export interface TermParts {
  readonly context: QueueContext;
  readonly timing: Timing;
  readonly metrics: QueueMetrics;
  readonly shard: number;
  readonly generation: number;
  readonly lease: LeaseTerm;
  readonly writer: FencedWriter;
  readonly journal: JournalWriter;
}

/** State shared by the parts of one term. */
export class Term {
  readonly context: QueueContext;
  readonly timing: Timing;
  readonly metrics: QueueMetrics;
  readonly shard: number;
  readonly generation: number;
  readonly queue: ShardQueue;
  readonly done = new DoneSet();
  readonly holds = new HoldSet();
  readonly strangers = new Strangers();
  readonly inHand = new MessagesInHand();
  readonly adoption: Adoption;
  /** Messages of which a job's record disappeared from DEFER; until recovery puts them back. */
  readonly lost = new Set<string>();
  readonly effects: Effects;
  /** Last sequence of ACTIVE at the takeover: agents may have any job up to it (rule 8). */
  activeBefore = 0;
  /** Last sequence of INCOMING as of the latest look: upper bound for jobs this owner never saw. */
  incomingLast = 0;
  readonly #parts: TermParts;
  readonly #ended = new AbortController();
  readonly #startedAt: number;
  #onKick: () => void = () => undefined;

  constructor(parts: TermParts) {
    const { context, timing, metrics, shard, writer, journal } = parts;
    this.#parts = parts;
    this.context = context;
    this.timing = timing;
    this.metrics = metrics;
    this.shard = shard;
    this.generation = parts.generation;
    this.adoption = new Adoption({ context, timing, shard, epoch: () => this.epoch });
    this.queue = new ShardQueue({
      concurrency: () => context.configuration.current().platform.delivery,
      adopting: () => this.adoption.waiting,
      isNew: (job) => job.active !== undefined && job.active.sequence > this.activeBefore,
      suspendedDomain: (job) =>
        job.record === undefined ? undefined : suspendedDomainOf(context, job.record.job),
    });
    const { queue, done, holds, signal } = this;
    this.effects = new Effects({ context, shard, writer, journal, queue, done, holds, metrics, signal });
    this.#startedAt = context.clock.monotonicMs();
    const end = () => this.end('deposed');
    writer.deposed.addEventListener('abort', end, { once: true });
    parts.lease.lost.addEventListener('abort', () => this.end('lease lost'), { once: true });
  }

  /** Epoch of dispatches and acknowledgements of outcomes (rule 3). */
  get epoch(): number {
    return this.#parts.writer.epoch;
  }

  /** Under which this term's journal objects are named; the fence may have moved since. */
  get journalOwner(): JournalOwner {
    return this.#parts.journal.owner;
  }

  /** Octets of this term's latest journal objects, by key. */
  readonly recallJournal = (key: string): Uint8Array | undefined => this.#parts.journal.recall(key);

  /** Aborts when the term is over, with the cause. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Milliseconds since the takeover. */
  get ageMs(): number {
    return this.context.clock.monotonicMs() - this.#startedAt;
  }

  /** To be asked before every effect that is not fenced (rule 3): dispatches, acknowledgements, answers. */
  mayAct(): boolean {
    return !this.#ended.signal.aborted && this.#parts.lease.isHeld();
  }

  /** Asks NATS whether the lease is still ours; ends the term when it is not. */
  async confirmLease(): Promise<void> {
    if (!(await this.#parts.lease.refresh())) this.end('lease lost');
  }

  /** Ends the term. Nothing is acknowledged; the causes after the first are ignored. */
  end(cause: string): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(cause);
    this.#parts.writer.close();
    void this.#parts.journal.close();
  }

  /** Ends the term when an effect could not be carried out: its job may be half written. */
  watch(effect: Promise<unknown>): void {
    effect.catch((error: unknown) => this.end(`effect failed: ${String(error)}`));
  }

  /** Calls `listener` when there may be something to dispatch. */
  onKick(listener: () => void): void {
    this.#onKick = listener;
  }

  /** Says that there may be something to dispatch. */
  kick(): void {
    this.#onKick();
  }

  /** Moves a job from ACTIVE to DEFER as it is, so that the ack floor does not lag (rule 10). Its stage stays. */
  park(job: QueuedJob): Promise<void> {
    return exclusively(job, async () => {
      if (job.active !== undefined && job.record !== undefined) await this.effects.defer(job, job.record);
    });
  }
}
