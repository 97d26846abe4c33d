/**
 * The jobs of one shard in memory and the stages they pass through (queued-job.ts). Only moves entries between sets; what is
 * written, sent or acknowledged is decided elsewhere. Nothing here waits or fails.
 */
import type { Waiting } from '../adoption.ts';
import { type Batch, type Destination, Destinations } from './destinations.ts';
import { DueHeap } from './due-heap.ts';
import { JobTable } from './job-table.ts';
import { type QueuedJob, isSideTask } from './queued-job.ts';
import type { ConcurrencySettings } from '../schedule/concurrency.ts';
import { afterJob } from '../schedule/pace.ts';
import { nextDepth } from '../schedule/pick.ts';

/** What the queue asks about a loaded job. */
export interface QueueFacts {
  concurrency(): ConcurrencySettings;
  /** Which jobs that an agent may have wait for the agents' word (rule 8). */
  adopting(): Waiting;
  /** True for a job that came after the takeover. */
  isNew(job: QueuedJob): boolean;
  /** The suspended MailDomain that the job belongs to, if any. */
  suspendedDomain(job: QueuedJob): string | undefined;
}

/** Counts by what `queue list` and the metrics call them. */
export interface QueueCounts {
  readonly active: number;
  readonly deferred: number;
  readonly held: number;
  readonly bouncing: number;
  readonly reporting: number;
  readonly inFlight: number;
  /** Could be dispatched now if agents had room. */
  readonly deliverable: ReadonlyMap<string, number>;
}

/** The queue of one shard. */
export class ShardQueue {
  readonly destinations: Destinations;
  readonly dispatched = new Set<QueuedJob>();
  readonly #facts: QueueFacts;
  readonly #jobs = new JobTable<QueuedJob>();
  /** Jobs in ACTIVE in the order in which they came. */
  readonly #active = new Set<QueuedJob>();
  readonly #heap = new DueHeap<QueuedJob>();
  readonly #adopting = new Set<QueuedJob>();
  readonly #suspended = new Map<string, Set<QueuedJob>>();
  /** Lanes with jobs whose record is not loaded. */
  readonly #loading = new Set<Destination>();
  /** Lanes with ready jobs and room in their window, or whose window is dead; by transport, in the order of turns. */
  readonly #runnable = new Map<string, Set<Destination>>();

  constructor(facts: QueueFacts) {
    this.#facts = facts;
    this.destinations = new Destinations(() => facts.concurrency());
  }

  get size(): number {
    return this.#jobs.size;
  }

  get(jobId: string): QueuedJob | undefined {
    return this.#jobs.get(jobId);
  }

  /** Jobs of one message in this shard. */
  ofMessage(queueId: string): readonly QueuedJob[] {
    return this.#jobs.ofMessage(queueId);
  }

  all(): IterableIterator<QueuedJob> {
    return this.#jobs.values();
  }

  /** Takes a new job in; {@link place} puts it to work. */
  add(job: QueuedJob): void {
    this.#jobs.add(job);
    job.destination.jobs += 1;
    if (job.active === undefined) return;
    job.destination.activeCount += 1;
    this.#active.add(job);
  }

  /** Lets a finished job go. Returns true when it was the last one of its message here. */
  remove(job: QueuedJob): boolean {
    this.#leave(job);
    this.#jobs.remove(job);
    job.destination.jobs -= 1;
    this.clearActive(job);
    this.destinations.release(job.destination);
    return this.#jobs.ofMessage(job.queueId).length === 0;
  }

  /** The job's message of ACTIVE was acknowledged. */
  clearActive(job: QueuedJob): void {
    if (!this.#active.delete(job)) return;
    job.destination.activeCount -= 1;
    job.active = undefined;
  }

  /** Jobs whose message came to ACTIVE up to a time, milliseconds since the epoch. Looks at no others, however many there are. */
  *activeUntil(timeMs: number): IterableIterator<QueuedJob> {
    for (const job of this.#active) {
      if (job.active !== undefined && job.active.storedAtMs > timeMs) return;
      yield job;
    }
  }

  /** Puts a job where its state and time say. */
  place(job: QueuedJob, nowMs: number): void {
    this.#leave(job);
    const waits = job.state === 'held' || (!isSideTask(job) && job.nextMs > nowMs);
    if (!waits) return this.#placeDue(job);
    // Most of a large queue waits: only the entry stays in memory.
    if (job.deferSequence > 0) job.record = undefined;
    if (job.state !== 'held') this.#heap.push(job);
  }

  /** Moves everything whose time has come. */
  tick(nowMs: number): void {
    for (let job = this.#heap.popDue(nowMs); job !== undefined; job = this.#heap.popDue(nowMs))
      if (job.stage === 'waiting' && job.state !== 'held' && this.#jobs.get(job.jobId) === job)
        this.#placeDue(job);
    // A report that cannot be sent must not keep the job from its next attempt.
    for (const job of [...this.destinations.bounce.ready])
      if (isSideTask(job) && job.nextMs <= nowMs) {
        job.task = 'deliver';
        this.place(job, nowMs);
      }
  }

  /** What needs to wait for agents no longer, and no agent named, may be dispatched. Harmless at any time. */
  endAdoption(): void {
    if (this.#adopting.size === 0) return;
    const waiting = this.#facts.adopting();
    if (waiting === 'all') return;
    for (const job of [...this.#adopting]) {
      if (this.#mustWait(job, waiting)) continue;
      job.mayBeElsewhere = false;
      this.#leave(job);
      this.#placeDue(job);
    }
  }

  /** Marks a job as being in an agent's hand. @param batch of {@link openBatch}; without one it may be running */
  markDispatched(job: QueuedJob, batch = this.openBatch(this.laneOf(job), undefined)): void {
    this.#leave(job);
    job.stage = 'dispatched';
    job.batch = batch;
    this.dispatched.add(job);
    batch.remaining += 1;
    batch.size += 1;
    if (batch.remaining <= batch.width) batch.lane.inFlight += 1;
    this.refresh(batch.lane);
  }

  /** A job of the batch has ended: what that says of how many jobs agents should get at a time. */
  noteEnded(batch: Batch, monotonicMs: number): void {
    const { lane, width, remaining, size, sentAtMs } = batch;
    lane.pace = afterJob(lane.pace, monotonicMs);
    if (remaining > 0 || sentAtMs === undefined) return;
    const depth = nextDepth(lane.depth, monotonicMs - sentAtMs);
    // A small batch says nothing about large ones.
    if (depth < lane.depth || size >= width * lane.depth) lane.depth = depth;
  }

  /** A batch that jobs join by {@link markDispatched}. */
  openBatch(lane: Destination, sentAtMs: number | undefined): Batch {
    return { lane, width: 1, remaining: 0, size: 0, sentAtMs };
  }

  /** Says how many jobs of the batch may run at once. */
  setWidth(batch: Batch, width: number): void {
    const { lane, remaining } = batch;
    lane.inFlight += Math.min(width, remaining) - Math.min(batch.width, remaining);
    batch.width = width;
    this.refresh(lane);
  }

  /** The window of a lane has changed. */
  refresh(lane: Destination): void {
    const { window } = lane;
    const isRunnable = lane.ready.size > 0 && (window.isDead || lane.inFlight < window.size);
    const lanes = this.#runnable.get(lane.transport);
    if (!isRunnable) lanes?.delete(lane);
    else if (lanes === undefined) this.#runnable.set(lane.transport, new Set([lane]));
    else lanes.add(lane);
  }

  /** Marks a job as being written; nothing else may happen to it until it is placed again. */
  markSettling(job: QueuedJob): void {
    this.#leave(job);
    job.stage = 'settling';
  }

  /** Where the next dispatch of the job goes. */
  laneOf(job: QueuedJob): Destination {
    return job.task === 'deliver' ? job.destination : this.destinations.bounce;
  }

  /** Lanes of one transport that have something to do, in the order of turns. */
  runnable(transport: string): Set<Destination> {
    return this.#runnable.get(transport) ?? new Set();
  }

  /** Transports that have something to do. */
  runnableTransports(): string[] {
    return [...this.#runnable].filter(([, lanes]) => lanes.size > 0).map(([transport]) => transport);
  }

  /** Jobs to be loaded next, as `settling`: of each lane as many as keep it busy, `limit` in all. */
  takeDue(perLane: number, limit: number): QueuedJob[] {
    const taken: QueuedJob[] = [];
    for (const lane of this.#loading) {
      if (taken.length >= limit) break;
      let room = perLane - lane.ready.size;
      for (const job of lane.due) {
        if (room <= 0 || taken.length >= limit) break;
        taken.push(job);
        room -= 1;
      }
    }
    for (const job of taken) this.markSettling(job);
    return taken;
  }

  /** Jobs that wait for a MailDomain which is no longer suspended. */
  takeResumed(isSuspended: (domain: string) => boolean): QueuedJob[] {
    const resumed: QueuedJob[] = [];
    for (const [domain, jobs] of this.#suspended) if (!isSuspended(domain)) resumed.push(...jobs);
    for (const job of resumed) this.markSettling(job);
    return resumed;
  }

  counts(): QueueCounts {
    const counts = { active: 0, deferred: 0, held: 0, bouncing: 0, reporting: 0 };
    for (const job of this.#jobs.values()) counts[job.state] += 1;
    const deliverable = new Map<string, number>();
    for (const [transport, lanes] of this.#runnable) {
      let sum = 0;
      for (const lane of lanes)
        sum += Math.min(lane.ready.size, Math.max(0, lane.window.size - lane.inFlight));
      deliverable.set(transport, sum);
    }
    return { ...counts, inFlight: this.dispatched.size, deliverable };
  }

  #placeDue(job: QueuedJob): void {
    if (job.mayBeElsewhere && this.#mustWait(job, this.#facts.adopting())) {
      job.stage = 'adopting';
      this.#adopting.add(job);
      return;
    }
    const lane = this.laneOf(job);
    if (job.record === undefined) {
      job.stage = 'due';
      lane.due.add(job);
      this.#loading.add(lane);
      return;
    }
    const domain = job.task === 'deliver' ? this.#facts.suspendedDomain(job) : undefined;
    if (domain !== undefined) {
      job.stage = 'suspended';
      job.wasSuspended = true;
      if (job.deferSequence > 0) job.record = undefined;
      const jobs = this.#suspended.get(domain) ?? new Set();
      this.#suspended.set(domain, jobs.add(job));
      return;
    }
    job.stage = 'ready';
    lane.ready.add(job);
    this.refresh(lane);
  }

  #mustWait(job: QueuedJob, waiting: Waiting): boolean {
    return waiting === 'all' || (waiting === 'takeover' && !this.#facts.isNew(job));
  }

  /** Takes the job out of whatever set it is in; afterwards it waits. */
  #leave(job: QueuedJob): void {
    const { stage } = job;
    job.stage = 'waiting';
    if (stage === 'waiting' || stage === 'settling') return;
    if (stage === 'dispatched') return this.#leaveBatch(job);
    if (stage === 'adopting') return void this.#adopting.delete(job);
    if (stage === 'suspended') for (const jobs of this.#suspended.values()) jobs.delete(job);
    // The task may have changed since the job entered a lane, so both are cleaned.
    for (const lane of [job.destination, this.destinations.bounce]) {
      if (lane.due.delete(job) && lane.due.size === 0) this.#loading.delete(lane);
      if (lane.ready.delete(job)) this.refresh(lane);
    }
  }

  #leaveBatch(job: QueuedJob): void {
    this.dispatched.delete(job);
    const { batch } = job;
    job.batch = undefined;
    if (batch === undefined) return;
    batch.remaining -= 1;
    // While there are more than may run, one of them takes its place.
    if (batch.remaining < batch.width) batch.lane.inFlight -= 1;
    this.refresh(batch.lane);
  }
}
