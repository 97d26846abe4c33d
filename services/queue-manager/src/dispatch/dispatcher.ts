/**
 * Hands ready jobs to delivery agents by core request and reply (durability rules 3, 8, 9): round robin over destinations; an agent
 * accepts or says busy at once. As many run as windows allow; a fast destination's agent gets some more that follow as these end
 * (schedule/pick.ts), and gives them back when the destination fails. Nothing here is durable: the record stays where it is. A request without an answer may have been accepted, so its jobs wait for a heartbeat before they are offered again.
 */
import { ask } from '@railpost/bus';
import { DispatchReply, type Heartbeat, parseRecord } from '@railpost/contracts';
import { silenceMs } from '../context.ts';
import { redispatched } from '../events.ts';
import { isOnHold, withDone } from '../gather.ts';
import { assertDeliverable } from '../invariants.ts';
import type { Batch, Destination } from '../queue/destinations.ts';
import type { QueuedJob } from '../queue/queued-job.ts';
import { serveInTurn } from '../schedule/pick.ts';
import type { Term } from '../term.ts';
import { Frame, frameJob, jobsPerFrame } from './frame.ts';
import { Holdings, type SilenceLimits } from './holdings.ts';

/** What happens to ready jobs that do not go to an agent now. Both take the job out of stage `ready` at once. */
export interface Detours {
  /** Settles without an attempt: transports error, retry and discard, and jobs of dead destinations. */
  settleOwn(job: QueuedJob): void;
  /** Loads a job anew: its hold came while it was in hand, or the journal says more than its record. */
  putOnHold(job: QueuedJob): void;
}

const framesInFlight = 4;
const replyTimeoutMs = 2000;
const busyPauseMs = 50;
const absentPauseMs = 1000;
const ownTransports: ReadonlySet<string> = new Set(['error', 'retry', 'discard']);

/** What goes to the agents of one transport. */
interface Lane {
  inFlight: number;
  pausedUntilMs: number;
}

/** Dispatches the jobs of one term. */
export class Dispatcher {
  readonly holdings: Holdings;
  readonly #term: Term;
  readonly #detours: Detours;
  readonly #transports = new Map<string, Lane>();
  /** When the wait for the answer to a dispatch ended in vain (monotonic), by job. */
  readonly #unanswered = new Map<QueuedJob, number>();
  /** Jobs of requests that are under way: whoever takes them has not said so yet, and nobody else may be asked. */
  readonly #asked = new Set<QueuedJob>();
  /** Who gave jobs back of which no acceptance was read yet. */
  readonly #returned = new Map<string, string>();
  #isScheduled = false;
  #isStopped = false;

  constructor(term: Term, detours: Detours) {
    this.#term = term;
    this.#detours = detours;
    this.holdings = new Holdings(term.adoption.agents);
    term.onKick(() => this.#schedule());
  }

  /** Offers nothing more; what agents have stays with them. */
  stop(): void {
    this.#isStopped = true;
  }

  /** An attempt of the batch has ended, and a slot may be free: do not wait for the end of a pause. */
  noteEnded(batch: Batch | undefined): void {
    if (batch === undefined) return;
    const lane = this.#transports.get(batch.lane.transport);
    const nowMs = this.#now();
    if (lane !== undefined && lane.pausedUntilMs - nowMs <= busyPauseMs) lane.pausedUntilMs = 0;
    this.#term.queue.noteEnded(batch, nowMs);
  }

  /** Takes back what an agent has not begun. Jobs that another agent has by now stay with it. */
  takeBack(worker: string, jobIds: readonly string[]): void {
    for (const jobId of jobIds) {
      const job = this.#term.queue.get(jobId);
      const holding = this.holdings.get(jobId);
      // A fast agent gives back before its acceptance has been read.
      if (holding === undefined) this.#returned.set(jobId, worker);
      else if (job !== undefined && holding.worker === worker) this.#giveBack(job);
    }
    this.#schedule();
  }

  /** Takes a heartbeat: jobs that the agent has and we thought free are its own (rule 8). */
  hear(heartbeat: Heartbeat): void {
    const nowMs = this.#now();
    const calledAtMs = this.#term.adoption.agents.hear(heartbeat, nowMs);
    const heard = this.holdings.hear(heartbeat, nowMs, 2 * this.#term.timing.heartbeatMs);
    for (const { jobId, task } of heard) {
      const job = this.#term.queue.get(jobId);
      if (job === undefined) continue;
      this.#unanswered.delete(job);
      const isFree = job.stage !== 'dispatched' && job.stage !== 'settling';
      if (isFree && job.task === task) this.#term.queue.markDispatched(job);
    }
    if (calledAtMs !== undefined) this.#takeBackUnnamed(heartbeat.worker, calledAtMs);
  }

  /** An agent has named all that it has: what it was thought to have beside that is free (its word of that was lost). */
  #takeBackUnnamed(worker: string, calledAtMs: number): void {
    for (const job of [...this.#term.queue.dispatched]) {
      const holding = this.holdings.get(job.jobId);
      const isItsOwn = holding?.worker === worker && holding.heardAtMs < calledAtMs;
      if (isItsOwn && !this.#asked.has(job)) this.#giveBack(job);
    }
  }

  /** Takes jobs from agents that fell silent. Called about once a second. */
  sweep(): void {
    const { queue, metrics, context } = this.#term;
    const nowMs = this.#now();
    const limits = this.limits();
    const { agents } = this.#term.adoption;
    this.#askTheSilent(nowMs);
    for (const job of [...queue.dispatched]) {
      if (this.#asked.has(job)) continue;
      const sentAtMs = this.#unanswered.get(job);
      if (sentAtMs !== undefined) {
        if (nowMs - sentAtMs < this.#term.adoption.periodMs) continue;
        // Whoever took it unheard has named it since, unless it was cut off: then it is waited for like any that fell silent.
        const { transport } = queue.laneOf(job);
        if (agents.isAwaited(sentAtMs, nowMs, limits.committingMs, transport)) continue;
        this.#giveBack(job);
        continue;
      }
      if (this.holdings.isHeld(job.jobId, nowMs, limits)) continue;
      const holding = this.holdings.get(job.jobId);
      const phase = holding?.phase ?? 'accepted';
      metrics.redispatches.inc({ phase });
      redispatched(context.log, {
        queueId: job.queueId,
        jobId: job.jobId,
        worker: holding?.worker ?? 'unknown',
        phase,
      });
      this.#giveBack(job);
    }
    this.holdings.sweep(nowMs, limits);
    agents.sweep(nowMs, limits.committingMs);
    if ([...this.#transports.values()].every((lane) => lane.inFlight === 0)) this.#returned.clear();
    this.#schedule();
  }

  /** Asks for jobs that nobody answered for, and learns whether agents that missed two heartbeats have been started anew. */
  #askTheSilent(nowMs: number): void {
    const { timing, adoption } = this.#term;
    if (this.#unanswered.size > 0 || this.holdings.areSilent(nowMs, 2 * timing.heartbeatMs)) adoption.ask();
  }

  /** Limits of an agent's silence (rule 9). */
  limits(): SilenceLimits {
    const silentMs = silenceMs(this.#term.timing);
    const { dataDoneMs } = this.#term.context.configuration.current().platform.delivery.timeouts;
    return { silentMs, committingMs: silentMs + dataDoneMs };
  }

  #now(): number {
    return this.#term.context.clock.monotonicMs();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isStopped && this.#term.mayAct()) this.#pump();
    });
  }

  #pump(): void {
    for (const transport of this.#term.queue.runnableTransports()) {
      if (ownTransports.has(transport)) this.#settleAll(transport);
      else this.#pumpTransport(transport);
    }
  }

  #settleAll(transport: string): void {
    for (const lane of [...this.#term.queue.runnable(transport)])
      for (const job of [...lane.ready]) this.#detours.settleOwn(job);
  }

  #pumpTransport(transport: string): void {
    const lane = this.#transports.get(transport) ?? { inFlight: 0, pausedUntilMs: 0 };
    this.#transports.set(transport, lane);
    while (lane.inFlight < framesInFlight && lane.pausedUntilMs <= this.#now()) {
      const frame = this.#fillFrame(transport);
      if (frame.jobs.length === 0) return;
      void this.#offer(transport, lane, frame);
    }
  }

  #fillFrame(transport: string): Frame {
    const { queue } = this.#term;
    const frame = new Frame();
    serveInTurn(queue.runnable(transport), jobsPerFrame, (lane, room) => this.#serve(lane, frame, room));
    return frame;
  }

  /** Gives one turn to a lane: as many jobs as belong to one delivery of its window. Undefined when the frame is full. */
  #serve(lane: Destination, frame: Frame, room: number): number | undefined {
    const { queue, context } = this.#term;
    if (frame.isFull) return undefined;
    queue.destinations.revive(lane, context.clock.nowMs());
    if (lane.window.isDead) {
      for (const job of [...lane.ready]) this.#detours.settleOwn(job);
      return 0;
    }
    queue.refresh(lane);
    if (lane.inFlight >= lane.window.size) return 0;
    const known = frame.batchOf(lane);
    if (known !== undefined) queue.setWidth(known, known.width + 1);
    const batch = known ?? queue.openBatch(lane, this.#now());
    const taken = this.#takeReady(batch, frame, Math.min(room, lane.depth));
    if (taken === 0 && known !== undefined) queue.setWidth(known, known.width - 1);
    return taken;
  }

  #takeReady(batch: Batch, frame: Frame, wanted: number): number {
    const { queue, context } = this.#term;
    const settings = context.configuration.current().platform.queue;
    let taken = 0;
    for (const job of batch.lane.ready) {
      if (taken === wanted || frame.isFull) break;
      if (this.#isOnHold(job) || this.#isOutdated(job)) {
        this.#detours.putOnHold(job);
        continue;
      }
      if (this.#isElsewhere(job)) {
        queue.markDispatched(job);
        continue;
      }
      const framed = frameJob(job, settings);
      if (framed === undefined) continue;
      assertDeliverable(this.#term, job);
      frame.add(framed, batch);
      queue.markDispatched(job, batch);
      taken += 1;
    }
    return taken;
  }

  /** An agent named it before it came: cleanup or recovery made it once more. */
  #isElsewhere(job: QueuedJob): boolean {
    const holding = this.holdings.get(job.jobId);
    return holding?.task === job.task && this.holdings.isHeld(job.jobId, this.#now(), this.limits());
  }

  #isOnHold(job: QueuedJob): boolean {
    const { holds } = this.#term;
    if (job.task !== 'deliver' || job.record === undefined) return false;
    // Most messages have no hold; those born held went to DEFER when they came.
    return holds.holds(job.queueId) && isOnHold(job.record, holds);
  }

  /**
   * True when the journal says more than the record: an agent's outcome came while the job was on its way from ACTIVE (rule 7), and
   * what it delivered would be delivered again.
   */
  #isOutdated(job: QueuedJob): boolean {
    const { record } = job;
    return record !== undefined && withDone(record, this.#term.done) !== record;
  }

  async #offer(transport: string, lane: Lane, frame: Frame): Promise<void> {
    lane.inFlight += 1;
    for (const job of frame.jobs) this.#asked.add(job);
    const reply = await this.#request(transport, frame);
    for (const job of frame.jobs) this.#asked.delete(job);
    lane.inFlight -= 1;
    if (reply === 'absent') {
      lane.pausedUntilMs = this.#now() + absentPauseMs;
      for (const job of frame.jobs) this.#giveBack(job);
      return;
    }
    if (reply === 'unknown') {
      for (const job of frame.jobs) if (job.stage === 'dispatched') this.#unanswered.set(job, this.#now());
      return;
    }
    if (reply.refusedForEpoch !== undefined) void this.#term.confirmLease();
    this.#noteReply(lane, frame, reply);
    this.#term.context.crashPoint('queue.dispatched');
    this.#schedule();
  }

  #noteReply(lane: Lane, frame: Frame, reply: DispatchReply): void {
    const { metrics, queue } = this.#term;
    const nowMs = this.#now();
    const accepted = new Set(reply.accepted);
    for (const [index, width] of (reply.widths ?? []).entries()) {
      const batch = frame.batches[index];
      if (batch !== undefined) queue.setWidth(batch, Math.min(width, batch.width));
    }
    for (const job of frame.jobs) {
      const isReturned = this.#returned.get(job.jobId) === reply.worker;
      if (isReturned || !accepted.has(job.jobId)) {
        this.#returned.delete(job.jobId);
        this.#giveBack(job);
        continue;
      }
      // A fast agent's outcome may have come before its reply.
      if (job.stage === 'dispatched')
        this.holdings.accept(
          job.jobId,
          { worker: reply.worker, startedAt: reply.startedAt, task: job.task },
          nowMs,
        );
      metrics.dispatchedJobs.inc({ destination: metrics.labels.label(job.destination.name) });
    }
    if (accepted.size === frame.jobs.length) return;
    lane.pausedUntilMs = nowMs + busyPauseMs;
    setTimeout(() => this.#schedule(), busyPauseMs);
  }

  async #request(transport: string, frame: Frame): Promise<DispatchReply | 'absent' | 'unknown'> {
    const { context, shard, epoch } = this.#term;
    const { bus } = context;
    const payload = frame.encode({ version: 1, shard, epoch, owner: context.processName });
    if (frame.jobs.some((job) => job.task === 'failure'))
      context.crashPoint('queue.bouncing-before-dispatch');
    const answer = await ask(bus, bus.names.agentSubject(transport), payload, replyTimeoutMs);
    if (answer === 'absent' || answer === 'unknown') return answer;
    const reply = DispatchReply.safeParse(parseRecord(answer));
    return reply.success ? reply.data : 'unknown';
  }

  /** The job may be offered to others. */
  #giveBack(job: QueuedJob): void {
    this.#unanswered.delete(job);
    if (job.stage !== 'dispatched') return;
    this.holdings.drop(job.jobId);
    this.#term.queue.place(job, this.#term.context.clock.nowMs());
  }
}
