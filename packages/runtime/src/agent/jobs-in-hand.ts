/**
 * The jobs an agent holds, from acceptance until their outcome is durable with an owner. Heartbeats list them (rule 8);
 * a dispatch of one that is here already is the same job, not a second one.
 */
import type { DispatchedJob, Heartbeat, Phase } from '@railpost/contracts';
import type { Batch } from './batch.ts';

/** One job in hand. Its times are those of its acceptance until it begins. */
export interface JobInHand {
  readonly shard: number;
  /** Transport whose subject it came by. */
  readonly transport: string;
  readonly dispatched: DispatchedJob;
  /** Era of the silence watch in which it was accepted. */
  readonly era: number;
  /** The jobs it was given with, when they follow each other. */
  readonly batch: Batch | undefined;
  /** False while it waits for others of its batch. */
  hasBegun: boolean;
  /** True when the next of its batch has begun although this one has not ended. */
  isFollowed: boolean;
  /** Monotonic and wall time of its beginning. */
  begunAtMs: number;
  begunAtWallMs: number;
  phase: Phase;
  /** True when a heartbeat has said that the final dot may be on its way. */
  isCommitAnnounced: boolean;
  /** True when an owner dispatched it once more while its outcome was being reported: that owner waits for an outcome. */
  isAskedAgain: boolean;
}

/** The set of jobs in hand, with the counts that acceptance needs. */
export class JobsInHand {
  readonly #jobs = new Map<string, JobInHand>();
  readonly #segments = new Map<string, number>();
  #working = 0;

  /** Jobs that are being delivered. */
  get working(): number {
    return this.#working;
  }

  /** All jobs, reporting ones included. */
  get size(): number {
    return this.#jobs.size;
  }

  find(jobId: string): JobInHand | undefined {
    return this.#jobs.get(jobId);
  }

  add(job: JobInHand): void {
    this.#jobs.set(job.dispatched.job.jobId, job);
    this.#countSegment(job, 1);
  }

  /** Its delivery begins. */
  begin(job: JobInHand): void {
    job.hasBegun = true;
    this.#working += 1;
  }

  /** Delivery ended; the outcome is being reported. */
  beginReport(job: JobInHand): void {
    job.phase = 'reporting';
    this.#working -= 1;
    this.#countSegment(job, -1);
  }

  /** Batches with jobs that wait: of a destination of one shard, of a shard, or all. */
  waitingBatches(of?: { readonly shard: number; readonly destination?: string }): ReadonlySet<Batch> {
    const batches = new Set<Batch>();
    for (const { hasBegun, shard, dispatched, batch } of this.#jobs.values()) {
      if (hasBegun || batch === undefined) continue;
      if (of !== undefined && of.shard !== shard) continue;
      if (of?.destination !== undefined && of.destination !== dispatched.job.destination) continue;
      batches.add(batch);
    }
    return batches;
  }

  /** A job that has not begun goes back to its owner. */
  giveBack(job: JobInHand): void {
    this.#jobs.delete(job.dispatched.job.jobId);
    this.#countSegment(job, -1);
  }

  /** The outcome is durable. */
  remove(jobId: string): void {
    this.#jobs.delete(jobId);
  }

  /** Jobs in work or waiting that read the same segment. */
  sharingSegment(job: JobInHand): number {
    return this.#segments.get(job.dispatched.job.content.key) ?? 0;
  }

  /** Shards with a job whose commit phase no heartbeat has told yet. */
  unannouncedCommits(): ReadonlySet<number> {
    const shards = new Set<number>();
    for (const job of this.#jobs.values())
      if (job.phase === 'committing' && !job.isCommitAnnounced) shards.add(job.shard);
    return shards;
  }

  /** Heartbeats to send: one per shard and transport with jobs of these shards. Marks commits as announced. */
  heartbeats(only: ReadonlySet<number>): readonly HeartbeatPart[] {
    const parts = new Map<string, HeartbeatPart>();
    for (const job of this.#jobs.values()) {
      if (!only.has(job.shard)) continue;
      const name = `${job.shard} ${job.transport}`;
      const part = parts.get(name) ?? { shard: job.shard, transport: job.transport, jobs: [] };
      parts.set(name, part);
      const { job: delivery, task } = job.dispatched;
      part.jobs.push({
        jobId: delivery.jobId,
        queueId: delivery.queueId,
        destination: delivery.destination,
        task,
        phase: job.phase,
      });
      if (job.phase === 'committing') job.isCommitAnnounced = true;
    }
    return [...parts.values()];
  }

  #countSegment(job: JobInHand, step: 1 | -1): void {
    const { key } = job.dispatched.job.content;
    const count = (this.#segments.get(key) ?? 0) + step;
    if (count <= 0) this.#segments.delete(key);
    else this.#segments.set(key, count);
  }
}

/** What one heartbeat lists. */
export interface HeartbeatPart {
  readonly shard: number;
  readonly transport: string;
  readonly jobs: Heartbeat['jobs'];
}
