/**
 * The common form of delivery agents (durability rules 6-9): takes dispatched jobs of its transports, answers at once
 * which it accepts, tells its owners every few seconds what it has in hand, lets the agent's own code deliver, and repeats
 * each outcome until an owner has made it durable. Agents know nothing of owners, shards or the bus.
 *
 * An offer that has been on its way for long is not taken: its owner may have turned to another agent. While nobody writes outcomes of
 * a shard down, nothing of it is begun, and what has begun waits with its commit for a while: it would be delivered twice if this
 * process died before that.
 *
 * Assumes that the job's record stays in ACTIVE or DEFER until the outcome is settled: nothing here is durable, and a
 * killed agent loses nothing but time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DispatchFrame,
  DispatchFrame as DispatchFrameSchema,
  type DispatchReply,
  type DispatchedJob,
  type DeliveryOutcome,
  EpochAnnouncement,
  type Heartbeat,
  encodeRecord,
  parseRecord,
} from '@railpost/contracts';
import { CommitRefusedError } from '../errors.ts';
import { within } from '../lifecycle.ts';
import { commitRefused, deliveryFault, dispatchUndecodable } from '../runtime-events.ts';
import type { PresenceKeeper } from '../presence.ts';
import type { ServiceContext } from '../service-context.ts';
import { continueTraceparent } from '../trace-context.ts';
import { Batch } from './batch.ts';
import { type AgentMetrics, createAgentMetrics } from './agent-metrics.ts';
import type { AgentTask, PendingRecipient, TaskResult } from './agent-task.ts';
import { Epochs } from './epochs.ts';
import { type HeartbeatPart, type JobInHand, JobsInHand } from './jobs-in-hand.ts';
import { OutcomeReporter } from './outcome-reporter.ts';
import { delaysOf, logOutcome, outcomeOf, resultOfFault } from './outcome.ts';
import { SilenceWatch } from './silence-watch.ts';

/** Outcomes that may wait for an owner, in multiples of the slots; beyond it the agent is busy. */
const unsettledPerSlot = 20;
const watchMs = 1000;
/** A commit waits so long for somebody who writes its outcome down: longer than most owners need to follow another, no peer hangs up. */
const longestHoldMs = 10_000;
const holdStepMs = 25;
/** Drain: transactions are aborted after the first, reporting ends after the second; both inside the process's 18 s. */
const abortAfterMs = 10_000;
const reportUntilMs = 14_000;

/** What an agent brings. */
export interface AgentOptions {
  /** Transports it serves: `['smtp', 'lmtp']`, `['mailbox']`, `['bounce']`. */
  readonly transports: readonly string[];
  /** Jobs delivered at once; of a fast destination more may wait in hand. */
  readonly slots: number;
  /** Delivers one job; exceptions become deferred 4.3.0 (our own fault). */
  deliver(task: AgentTask): Promise<TaskResult>;
}

/** A running agent. */
export interface Agent {
  /** Takes no more, finishes what is in hand, reports it, then resolves; bounded at 14 s. */
  stop(): Promise<void>;
}

/** The parts of the context that an agent needs. */
export type AgentContext = Pick<
  ServiceContext,
  'bus' | 'clock' | 'log' | 'metrics' | 'name' | 'processName' | 'settings'
> &
  Partial<Pick<ServiceContext, 'startedAt'>> & { readonly presence?: Pick<PresenceKeeper, 'setTransports'> };

/** Starts taking jobs; resolves when the subscriptions stand at the server. */
export async function runAgent(context: AgentContext, options: AgentOptions): Promise<Agent> {
  const agent = new RunningAgent(context, options);
  context.presence?.setTransports(options.transports);
  await context.bus.connection.flush();
  return agent;
}

class RunningAgent implements Agent {
  readonly #context: AgentContext;
  readonly #options: AgentOptions;
  readonly #worker: string;
  /** Who speaks, in replies and heartbeats. */
  readonly #self: Pick<Heartbeat, 'worker' | 'startedAt'>;
  readonly #epochs = new Epochs();
  readonly #jobs = new JobsInHand();
  readonly #silence: SilenceWatch;
  readonly #reporter: OutcomeReporter;
  readonly #metrics: AgentMetrics;
  readonly #subscriptions: readonly { unsubscribe(): void }[];
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #unlisten: () => void;
  readonly #abort = new AbortController();
  readonly #deliveries = new Set<Promise<void>>();
  #isDraining = false;

  constructor(context: AgentContext, options: AgentOptions) {
    const { bus, clock, settings } = context;
    this.#context = context;
    this.#options = options;
    this.#worker = `${context.name}/${context.processName}`;
    const { startedAt } = context;
    this.#self = { worker: this.#worker, ...(startedAt === undefined ? {} : { startedAt }) };
    this.#silence = new SilenceWatch({
      lastAnswerAgeMs: () => bus.lastAnswerAgeMs(),
      transitAgeMs: () => bus.transitAgeMs(),
      monotonicMs: () => clock.monotonicMs(),
    });
    this.#reporter = new OutcomeReporter({
      bus,
      worker: this.#worker,
      epochs: this.#epochs,
      onSettled: (outcome, shard) => this.#onSettled(outcome, shard),
    });
    this.#metrics = createAgentMetrics(context.metrics, {
      slots: () => options.slots,
      working: () => this.#jobs.working,
      unsettled: () => this.#reporter.unsettled,
    });
    this.#subscriptions = [
      ...options.transports.map((transport) => this.#subscribe(transport)),
      bus.connection.subscribe(bus.names.allEpochAnnouncements, {
        callback: (error, message) => {
          if (error === null) this.#onAnnouncement(message.data);
        },
      }),
    ];
    // An owner that lived through the same outage waits for everybody's word.
    this.#unlisten = bus.onReconnect(() => this.#sendHeartbeats());
    this.#timers = [
      setInterval(() => this.#watch(), watchMs),
      setInterval(() => this.#sendHeartbeats(), settings.heartbeat),
    ];
  }

  async stop(): Promise<void> {
    this.#isDraining = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#giveBack(this.#jobs.waitingBatches());
    const startedAt = performance.now();
    const allEnded = () => Promise.all(this.#deliveries);
    if (!(await within(allEnded(), abortAfterMs))) {
      this.#abort.abort(new CommitRefusedError('the process stops'));
    }
    const remaining = () => Math.max(0, reportUntilMs - (performance.now() - startedAt));
    await within(allEnded(), remaining());
    await within(this.#reporter.idle(), remaining());
    for (const timer of this.#timers) clearInterval(timer);
    this.#unlisten();
    this.#sayGoodbye();
    this.#reporter.close();
  }

  #subscribe(transport: string): { unsubscribe(): void } {
    const { bus, log } = this.#context;
    return bus.connection.subscribe(bus.names.agentSubject(transport), {
      queue: transport,
      callback: (error, message) => {
        if (error !== null) return;
        const frame = decodeDispatch(message.data);
        if (frame instanceof Error) dispatchUndecodable(log, { transport, reason: frame.message });
        else message.respond(encodeRecord(this.#accept(transport, frame)));
      },
    });
  }

  #accept(transport: string, frame: DispatchFrame): DispatchReply {
    const accepted: string[] = [];
    if (!this.#epochs.admit(frame.shard, frame.epoch)) {
      this.#metrics.dispatches.add(frame.jobs.length, transport, 'refused');
      return { ...this.#reply(accepted), refusedForEpoch: this.#epochs.highest(frame.shard) ?? 0 };
    }
    this.#reporter.noteOwner(frame.shard);
    const batches = openBatches(frame);
    for (const dispatched of frame.jobs) {
      const batch = dispatched.batch === undefined ? undefined : batches[dispatched.batch];
      const answer =
        this.#answerTo(dispatched) ?? this.#take({ transport, shard: frame.shard, dispatched, batch });
      this.#metrics.dispatches.add(1, transport, answer);
      if (answer !== 'busy') accepted.push(dispatched.job.jobId);
    }
    const { widths = [] } = frame;
    const running = widths.map((width, index) => batches[index]?.running ?? width);
    const isNarrowed = widths.some((width, index) => (running[index] ?? 0) < width);
    return isNarrowed ? { ...this.#reply(accepted), widths: running } : this.#reply(accepted);
  }

  #reply(accepted: readonly string[]): DispatchReply {
    return { version: 1, ...this.#self, accepted: [...accepted], freeSlots: this.#freeSlots() };
  }

  /** Undefined for a job that is new here. */
  #answerTo(dispatched: DispatchedJob): 'known' | 'busy' | undefined {
    const known = this.#jobs.find(dispatched.job.jobId);
    if (known === undefined) return undefined;
    // The same job asked again (its owner changed, or the answer was lost): it is in work or being reported already. Another
    // task of the same job has to wait until the first is settled.
    const isSame = known.dispatched.task === dispatched.task;
    known.isAskedAgain ||= isSame && known.phase === 'reporting';
    return isSame ? 'known' : 'busy';
  }

  #freeSlots(): number {
    const { slots } = this.#options;
    if (this.#isDraining || this.#reporter.unsettled >= slots * unsettledPerSlot) return 0;
    return Math.max(0, slots - this.#jobs.working);
  }

  /** Begins a new job, or lets it wait behind others of its batch, if there is room. */
  #take(offered: Pick<JobInHand, 'transport' | 'shard' | 'dispatched' | 'batch'>): 'accepted' | 'busy' {
    // It may have lain in a network that was cut, or in the buffers of a process that was stopped.
    if (!this.#silence.mayTake() || !this.#isHeard(offered.shard)) return 'busy';
    const { clock } = this.#context;
    const { batch } = offered;
    const inHand: JobInHand = {
      ...offered,
      era: this.#silence.era,
      hasBegun: false,
      isFollowed: false,
      begunAtMs: clock.monotonicMs(),
      begunAtWallMs: clock.nowMs(),
      phase: 'accepted',
      isCommitAnnounced: false,
      isAskedAgain: false,
    };
    const mayBegin = batch === undefined || batch.running < batch.width;
    if (mayBegin && this.#freeSlots() > 0) {
      batch?.start();
      this.#jobs.add(inHand);
      this.#begin(inHand);
      return 'accepted';
    }
    if (batch?.queue(inHand) !== true) return 'busy';
    this.#jobs.add(inHand);
    return 'accepted';
  }

  #begin(inHand: JobInHand): void {
    const { clock } = this.#context;
    inHand.begunAtMs = clock.monotonicMs();
    inHand.begunAtWallMs = clock.nowMs();
    this.#jobs.begin(inHand);
    const delivery = this.#deliver(inHand).finally(() => this.#deliveries.delete(delivery));
    this.#deliveries.add(delivery);
  }

  /** One of a batch has ended: the next begins, unless the owner should think again. True when more wait behind that. */
  #follow(ended: JobInHand, isDestinationFault: boolean): boolean {
    const { shard, dispatched, batch } = ended;
    const { destination } = dispatched.job;
    if (isDestinationFault) this.#giveBack(this.#jobs.waitingBatches({ shard, destination }));
    // Its owner, or the next one, gives them away when it can write down what comes of them.
    if (batch?.hasWaiting === true && !this.#isHeard(shard))
      this.#giveBack(this.#jobs.waitingBatches({ shard }));
    if (ended.isFollowed) return batch?.hasWaiting === true;
    const next = batch?.next();
    if (next === undefined) return false;
    if (this.#silence.mayCommit(next.era)) {
      this.#begin(next);
      return batch?.hasWaiting === true;
    }
    // Its owner may have given it to another agent by now (durability rule 9).
    this.#giveBackJobs([next]);
    return this.#follow(ended, false);
  }

  #beginNext(inHand: JobInHand): boolean {
    if (inHand.isFollowed || inHand.batch?.hasWaiting !== true) return false;
    this.#follow(inHand, false);
    inHand.isFollowed = true;
    return true;
  }

  #giveBack(batches: Iterable<Batch>): void {
    for (const batch of batches) this.#giveBackJobs(batch.giveBack());
  }

  #giveBackJobs(jobs: readonly JobInHand[]): void {
    for (const job of jobs) this.#jobs.giveBack(job);
    const shard = jobs[0]?.shard;
    // A batch comes from one owner.
    if (shard !== undefined)
      this.#reporter.giveBack(
        shard,
        jobs.map(({ dispatched }) => dispatched.job.jobId),
      );
  }

  async #deliver(inHand: JobInHand): Promise<void> {
    const { clock, log } = this.#context;
    const { job } = inHand.dispatched;
    const pending = pendingOf(inHand.dispatched);
    const task = this.#makeTask(inHand, pending);
    let result: TaskResult;
    try {
      result = await this.#options.deliver(task);
    } catch (error) {
      this.#logFault(inHand, task, error);
      result = resultOfFault(pending, error);
    }
    const endedAtMs = clock.monotonicMs();
    const outcome = outcomeOf(inHand, pending, result);
    this.#jobs.beginReport(inHand);
    this.#metrics.attemptSeconds.observe(
      { transport: inHand.transport },
      (endedAtMs - inHand.begunAtMs) / 1000,
    );
    for (const each of outcome.recipients)
      this.#metrics.countDelivery(inHand.transport, job.destination, each.disposition);
    const delays = delaysOf(inHand, result, endedAtMs);
    logOutcome(log, inHand, outcome, { delays, traceparent: task.traceparent });
    const hasFollower = this.#follow(inHand, outcome.isDestinationFault);
    this.#reporter.report(inHand.shard, outcome, hasFollower);
  }

  /** An owner that asked while the acknowledgement was on its way hears the outcome once more; it is never run twice for that. */
  #onSettled(outcome: DeliveryOutcome, shard: number): void {
    const inHand = this.#jobs.find(outcome.jobId);
    if (inHand?.isAskedAgain !== true) return this.#jobs.remove(outcome.jobId);
    inHand.isAskedAgain = false;
    this.#reporter.report(shard, outcome);
  }

  #makeTask(inHand: JobInHand, pending: readonly PendingRecipient[]): AgentTask {
    const { job, task, tries, report } = inHand.dispatched;
    const jobs = this.#jobs;
    return {
      job,
      task,
      tries,
      pending,
      report,
      get upcoming() {
        return Math.max(0, jobs.sharingSegment(inHand) - 1);
      },
      traceparent: continueTraceparent(job.traceparent),
      signal: this.#abort.signal,
      beginTransfer: () => {
        inHand.phase = 'transfer';
      },
      beginNext: () => this.#beginNext(inHand),
      mayCommit: async () => {
        if (!this.#isHeard(inHand.shard)) await this.#hold(inHand.shard);
        this.#admitCommit(inHand);
      },
    };
  }

  /** False while nobody can be told what came of the shard's jobs. */
  #isHeard(shard: number): boolean {
    return this.#context.bus.isConnected && !this.#reporter.isStalled(shard);
  }

  async #hold(shard: number): Promise<void> {
    const { clock } = this.#context;
    const untilMs = clock.monotonicMs() + longestHoldMs;
    while (!this.#isHeard(shard) && clock.monotonicMs() < untilMs && !this.#abort.signal.aborted)
      await sleep(holdStepMs);
  }

  #admitCommit(inHand: JobInHand): void {
    if (this.#abort.signal.aborted) throw new CommitRefusedError('the process stops');
    if (!this.#silence.mayCommit(inHand.era)) throw new CommitRefusedError('NATS was silent for too long');
    inHand.phase = 'committing';
    inHand.isCommitAnnounced = false;
  }

  #logFault(inHand: JobInHand, task: AgentTask, error: unknown): void {
    const { queueId, jobId } = inHand.dispatched.job;
    if (error instanceof CommitRefusedError) {
      commitRefused(this.#context.log, { queueId, jobId, reason: error.message });
      return;
    }
    const stack = error instanceof Error ? error.stack : undefined;
    deliveryFault(this.#context.log, {
      queueId,
      jobId,
      error: String(error),
      stack,
      traceparent: task.traceparent,
    });
  }

  #onAnnouncement(data: Uint8Array): void {
    const announcement = EpochAnnouncement.safeParse(tryParse(data));
    if (!announcement.success) return;
    const { shard, epoch, roll } = announcement.data;
    if (!this.#epochs.admit(shard, epoch)) return;
    // A new owner waits for us; telling it at once shortens the wait.
    this.#sendHeartbeats(new Set([shard]), roll);
    // Who calls the roll listens; who announces itself only is about to.
    if (roll !== undefined) this.#reporter.noteOwner(shard);
  }

  #watch(): void {
    this.#silence.sample();
    const shards = this.#jobs.unannouncedCommits();
    if (shards.size > 0) this.#sendHeartbeats(shards);
  }

  /** Says what is in hand, and that the process lives, to the owners of all shards heard of, or of these. */
  #sendHeartbeats(only: ReadonlySet<number> = this.#epochs.shards(), roll = ''): void {
    const byShard = Map.groupBy(this.#jobs.heartbeats(only), ({ shard }) => shard);
    for (const shard of only) {
      const parts = byShard.get(shard) ?? [this.#nothingOf(shard)];
      // Only the last one answers: with it everything is said.
      for (const [index, part] of parts.entries())
        this.#publishHeartbeat(part, { roll: index === parts.length - 1 ? roll : '' });
    }
  }

  /** Owners need not wait for this process any more. */
  #sayGoodbye(): void {
    if (this.#jobs.size > 0) return;
    for (const shard of this.#epochs.shards())
      this.#publishHeartbeat(this.#nothingOf(shard), { roll: '', isLeaving: true });
  }

  #nothingOf(shard: number): HeartbeatPart {
    return { shard, transport: this.#options.transports[0] ?? '', jobs: [] };
  }

  #publishHeartbeat(
    { shard, ...part }: HeartbeatPart,
    word: Required<Pick<Heartbeat, 'roll'>> & Pick<Heartbeat, 'isLeaving'>,
  ): void {
    const { bus } = this.#context;
    if (bus.connection.isClosed()) return;
    const heartbeat: Heartbeat = {
      version: 1,
      ...this.#self,
      ...word,
      freeSlots: this.#freeSlots(),
      ...part,
    };
    bus.connection.publish(bus.names.heartbeatSubject(shard), encodeRecord(heartbeat));
  }
}

function pendingOf(dispatched: DispatchedJob): readonly PendingRecipient[] {
  const { job, pending } = dispatched;
  return pending.flatMap((index) => {
    const recipient = job.recipients[index];
    return recipient === undefined ? [] : [{ index, recipient }];
  });
}

/** The batches of a frame whose jobs follow each other, by their index. */
function openBatches({ jobs, widths = [] }: DispatchFrame): readonly (Batch | undefined)[] {
  const counts = widths.map(() => 0);
  for (const { batch } of jobs) if (batch !== undefined) counts[batch] = (counts[batch] ?? 0) + 1;
  return counts.map((jobsOfIt, index) =>
    jobsOfIt === 0 ? undefined : new Batch(jobsOfIt, widths[index] ?? 1),
  );
}

function decodeDispatch(data: Uint8Array): DispatchFrame | Error {
  const parsed = DispatchFrameSchema.safeParse(tryParse(data));
  return parsed.success ? parsed.data : parsed.error;
}

/** Undefined when it is not JSON; the schema then refuses it. */
function tryParse(data: Uint8Array): unknown {
  try {
    return parseRecord(data);
  } catch {
    return undefined;
  }
}
