/**
 * The owner of one shard: takes it over, then consumes ACTIVE, listens to agents and to control, and dispatches until the
 * term ends. Handing over cleanly: nothing more is dispatched, what is being written is finished, the messages in hand are
 * given back, the lease is deleted; agents report to the next owner.
 */
import {
  type AckFloorPurge,
  type Consumption,
  type LeaseTerm,
  type Listener,
  consume,
  listen,
  readPosition,
  startAckFloorPurge,
} from '@railpost/bus';
import {
  EpochAnnouncement,
  Heartbeat,
  OutcomeFrame,
  encodeRecord,
  parseRecord,
  queueManagerConsumer,
} from '@railpost/contracts';
import { readGenerationState } from '@railpost/spool';
import { admit } from './consume.ts';
import type { QueueContext, Timing } from './context.ts';
import { Control } from './control/control.ts';
import { type DeferCheck, startDeferCheck } from './defer-check.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { busProblem, shardLeft, shardTaken } from './events.ts';
import { type JournalUpkeep, startJournalUpkeep } from './journal-upkeep.ts';
import { endIfGoneBack } from './gone-back.ts';
import { Loader } from './loader.ts';
import type { QueueMetrics } from './metrics.ts';
import { decideOwnOutcome, logOwnOutcome } from './outcome/own-settler.ts';
import { Outcomes } from './outcome/outcomes.ts';
import { overdueJobs, readBack } from './overdue-jobs.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import type { ShardQueue } from './queue/shard-queue.ts';
import { reconcileHolds } from './reconcile-holds.ts';
import { type Takeover, takeOver } from './takeover.ts';
import type { Term } from './term.ts';

/** What an owner works with. */
export interface OwnerParts {
  readonly context: QueueContext;
  readonly timing: Timing;
  readonly metrics: QueueMetrics;
  readonly shard: number;
  readonly lease: LeaseTerm;
}

const tickMs = 100;
const sweepMs = 1000;
const forgetMs = 5000;
const flushLimitMs = 5000;

/** Takes a shard over and starts serving it. Rejects when that fails; the lease is then still the caller's to release. */
export async function openOwner(parts: OwnerParts): Promise<ShardOwner> {
  const startedAt = performance.now();
  const takeover = await takeOver(parts);
  const owner = new ShardOwner(parts, takeover);
  await owner.start();
  const takeoverMs = Math.round(performance.now() - startedAt);
  parts.metrics.takeoverSeconds.observe(takeoverMs / 1000);
  const { term, journalled } = takeover;
  const { shard, epoch, queue } = term;
  shardTaken(parts.context.log, { shard, epoch, jobs: queue.size, journalled, takeoverMs });
  return owner;
}

/** An owner at work. */
export class ShardOwner {
  readonly #parts: OwnerParts;
  readonly #term: Term;
  readonly #journalSinceMs: number;
  readonly #loader: Loader;
  readonly #dispatcher: Dispatcher;
  readonly #outcomes: Outcomes;
  readonly #control: Control;
  readonly #listeners: Listener[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #removers: (() => void)[] = [];
  #consumption: Consumption | undefined;
  #purge: AckFloorPurge | undefined;
  #upkeep: JournalUpkeep | undefined;
  #deferCheck: DeferCheck | undefined;
  /** INCOMING's purge floor from which done recipients may be forgotten; infinite while recovery runs (rule 10, A18). */
  #forgetFrom: number;

  constructor(parts: OwnerParts, takeover: Takeover) {
    this.#parts = parts;
    this.#term = takeover.term;
    this.#journalSinceMs = takeover.journalSinceMs;
    this.#forgetFrom = takeover.isRecovered ? 0 : Number.POSITIVE_INFINITY;
    this.#loader = new Loader(this.#term);
    this.#dispatcher = new Dispatcher(this.#term, {
      settleOwn: (job) => this.#settleOwn(job),
      putOnHold: (job) => this.#reload(job),
    });
    this.#outcomes = new Outcomes(this.#term, this.#dispatcher, this.#loader);
    this.#control = new Control(this.#term, this.#loader);
  }

  get shard(): number {
    return this.#parts.shard;
  }

  get queue(): ShardQueue {
    return this.#term.queue;
  }

  /** Generation of the streams that it took over. */
  get generation(): number {
    return this.#term.generation;
  }

  /** Ends the term from outside. */
  end(cause: string): void {
    this.#term.end(cause);
  }

  /** Aborts when the term is over; {@link close} must be called then too. */
  get ended(): AbortSignal {
    return this.#term.signal;
  }

  /** Places what the scan found and starts everything. */
  async start(): Promise<void> {
    const { context } = this.#parts;
    this.#listen();
    this.#term.adoption.begin();
    await reconcileHolds(this.#term, this.#loader);
    const overdue = overdueJobs(this.queue, this.#journalSinceMs);
    this.#placeWaiting(this.queue.all(), overdue);
    if (overdue.size > 0) this.#term.watch(this.#placeOverdue(overdue));
    await this.#consume();
    this.#timers.push(
      setInterval(() => this.#tick(), tickMs),
      setInterval(() => this.#sweep(), sweepMs),
      setInterval(() => void this.#forget(), forgetMs),
    );
    this.#upkeep = startJournalUpkeep(this.#term);
    this.#deferCheck = startDeferCheck(this.#term, 2 * this.#parts.timing.heartbeatMs);
    this.#removers.push(
      context.configuration.onChange(() => this.#resume()),
      context.bus.onReconnect(() => {
        this.#term.adoption.begin();
        void endIfGoneBack(this.#term);
      }),
    );
  }

  /** Gives the shard up in order: another can take it at once and finds everything written. */
  async release(): Promise<void> {
    this.#dispatcher.stop();
    await this.#consumption?.stop();
    const limit = AbortSignal.timeout(flushLimitMs);
    const settling = [...this.queue.all()].flatMap((job) => (job.work === undefined ? [] : [job.work]));
    await Promise.race([
      Promise.allSettled(settling),
      new Promise((resolve) => limit.addEventListener('abort', resolve)),
    ]);
    this.#term.end('released');
    await this.close();
    await this.#consumption?.stop({ nak: true });
    await this.#parts.lease.release();
  }

  /** After the term ended by itself: stops everything; whoever holds the lease takes over from zero. */
  async abandon(): Promise<void> {
    await this.close();
    await this.#parts.lease.release();
  }

  /** Stops everything without acknowledging anything. */
  async close(): Promise<void> {
    this.#dispatcher.stop();
    for (const listener of this.#listeners.splice(0)) listener.stop();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    for (const remove of this.#removers.splice(0)) remove();
    await this.#purge?.stop();
    this.#upkeep?.stop();
    this.#deferCheck?.stop();
    await this.#consumption?.stop();
    const { context, shard } = this.#parts;
    context.setProblem(`journal-${shard}`, undefined);
    shardLeft(context.log, { shard, cause: String(this.#term.signal.reason ?? 'closed') });
  }

  /** Puts scanned jobs to work, but for some. */
  #placeWaiting(jobs: Iterable<QueuedJob>, except?: ReadonlySet<QueuedJob>): void {
    const nowMs = this.#parts.context.clock.nowMs();
    for (const job of jobs)
      if (job.stage === 'waiting' && except?.has(job) !== true) this.queue.place(job, nowMs);
  }

  async #placeOverdue(overdue: ReadonlySet<QueuedJob>): Promise<void> {
    await readBack(this.#term, overdue, this.#journalSinceMs);
    await reconcileHolds(this.#term, this.#loader, overdue);
    const left = [...overdue].filter((job) => this.queue.get(job.jobId) === job);
    if (!this.#term.signal.aborted) this.#placeWaiting(left);
  }

  #listen(): void {
    const { context, shard } = this.#parts;
    const { bus } = context;
    const { names } = bus;
    const onProblem = this.#problem('request of an agent or a command');
    const on = (
      subject: string,
      handler: (payload: Uint8Array) => Promise<Uint8Array | undefined> | undefined,
    ) => this.#listeners.push(listen(bus, subject, handler, { onProblem }));
    on(names.heartbeatSubject(shard), (payload) => {
      const heartbeat = Heartbeat.parse(parseRecord(payload));
      this.#term.inHand.hear(heartbeat, context.clock.monotonicMs());
      this.#dispatcher.hear(heartbeat);
      return undefined;
    });
    on(names.outcomeSubject(shard), async (payload) => {
      const answer = await this.#outcomes.take(OutcomeFrame.parse(parseRecord(payload)));
      return answer === undefined ? undefined : encodeRecord(answer);
    });
    on(names.controlSubject(shard), async (payload) => {
      const answer = await this.#control.answer(payload);
      return answer === undefined ? undefined : encodeRecord(answer);
    });
    on(names.epochAnnouncementSubject(shard), (payload) => {
      const { epoch } = EpochAnnouncement.parse(parseRecord(payload));
      if (epoch > this.#term.epoch) this.#term.end('another owner announced itself');
      return undefined;
    });
  }

  async #consume(): Promise<void> {
    const { context, shard } = this.#parts;
    const { bus } = context;
    const stream = bus.names.activeStream(shard);
    this.#consumption = await consume(bus, {
      stream,
      consumer: queueManagerConsumer,
      ackWaitMs: this.#parts.timing.ackWaitMs,
      signal: this.#term.signal,
      onMessage: (message) => {
        this.#term.watch(admit(this.#term, message));
      },
      onProblem: this.#problem('consuming ACTIVE'),
    });
    this.#purge = startAckFloorPurge(bus, {
      stream,
      consumer: queueManagerConsumer,
      onFloor: () => context.crashPoint('queue.floor-before-purge'),
      onProblem: this.#problem('purging ACTIVE'),
    });
  }

  #problem(what: string): (error: unknown) => void {
    const { context, shard } = this.#parts;
    return (error) => busProblem(context.log, { shard, what, error: String(error) });
  }

  #tick(): void {
    if (!this.#term.mayAct()) return;
    this.queue.tick(this.#parts.context.clock.nowMs());
    this.queue.endAdoption();
    this.#term.watch(this.#loader.run());
    this.#term.kick();
  }

  /** Silent agents, and jobs that have been in ACTIVE for too long (rules 9 and 10). */
  #sweep(): void {
    if (!this.#term.mayAct()) return;
    this.#term.adoption.sweep();
    this.#dispatcher.sweep();
    const beforeMs = this.#parts.context.clock.nowMs() - this.#parts.timing.parkAfterMs;
    for (const job of this.queue.activeUntil(beforeMs))
      if (job.stage !== 'settling') this.#term.watch(this.#term.park(job));
  }

  async #forget(): Promise<void> {
    const { context } = this.#parts;
    try {
      const incoming = await readPosition(context.bus, context.bus.names.incomingStream);
      this.#term.incomingLast = incoming.lastSequence;
      const floor = incoming.firstSequence - 1;
      if (floor < (await this.#readForgetFrom(incoming.lastSequence))) return;
      const forgotten = this.#term.done.forget(floor, context.clock.nowMs());
      for (const queueId of forgotten)
        if (this.queue.ofMessage(queueId).length === 0) this.#term.holds.forget(queueId);
    } catch (error) {
      this.#problem('reading the state of INCOMING')(error);
    }
  }

  /** What recovery puts back may be done already: until all of that has come through INCOMING, nothing is forgotten. */
  async #readForgetFrom(incomingLast: number): Promise<number> {
    const isOver = this.#forgetFrom < Number.POSITIVE_INFINITY;
    if (!isOver && (await readGenerationState(this.#parts.context.store)).isRecovered)
      this.#forgetFrom = incomingLast;
    return this.#forgetFrom;
  }

  #resume(): void {
    const { configuration } = this.#parts.context;
    const isSuspended = (domain: string) => configuration.current().domain(domain)?.suspend === true;
    for (const job of this.queue.takeResumed(isSuspended)) this.#term.watch(this.#loader.load(job));
  }

  #reload(job: QueuedJob): void {
    this.queue.markSettling(job);
    this.#term.watch(this.#loader.load(job));
  }

  #settleOwn(job: QueuedJob): void {
    const { record, destination } = job;
    const outcome = record === undefined ? undefined : decideOwnOutcome(record, destination.lastFailure);
    if (outcome === undefined) return this.#reload(job);
    logOwnOutcome(this.#term, job, outcome);
    this.#term.watch(this.#outcomes.settleOwn(job, outcome));
  }
}
