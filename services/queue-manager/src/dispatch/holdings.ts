/**
 * What delivery agents say they have in hand (durability rules 8 and 9): the latest heartbeat of each job. A job that an agent
 * named lately must not be given to another; an agent that fell silent loses its jobs after a while, except in phase
 * `committing`, where the final dot may be on its way.
 */
import type { Heartbeat, Phase, Task } from '@railpost/contracts';

/** One job in an agent's hand. */
export interface Holding {
  readonly worker: string;
  readonly task: Task;
  readonly phase: Phase;
  /** Monotonic milliseconds. */
  readonly heardAtMs: number;
}

/** Limits of silence, milliseconds. */
export interface SilenceLimits {
  readonly silentMs: number;
  readonly committingMs: number;
}

/** The holdings of one shard. */
export class Holdings {
  readonly #byJob = new Map<string, Holding>();
  /** When the outcome of a job was settled: the agent may name it until our answer has reached it. */
  readonly #settledAtMs = new Map<string, number>();

  /**
   * Notes a heartbeat and returns the jobs that it counts for.
   * @param graceMs time after a settlement in which an agent may still name the job
   */
  hear(heartbeat: Heartbeat, nowMs: number, graceMs: number): Heartbeat['jobs'] {
    const counted = heartbeat.jobs.filter(({ jobId }) => {
      const settledAtMs = this.#settledAtMs.get(jobId);
      return settledAtMs === undefined || nowMs - settledAtMs > graceMs;
    });
    for (const { jobId, task, phase } of counted)
      this.#byJob.set(jobId, { worker: heartbeat.worker, task, phase, heardAtMs: nowMs });
    return counted;
  }

  /** Notes that an agent accepted a job. */
  accept(jobId: string, worker: string, task: Task, nowMs: number): void {
    this.#settledAtMs.delete(jobId);
    this.#byJob.set(jobId, { worker, task, phase: 'accepted', heardAtMs: nowMs });
  }

  get(jobId: string): Holding | undefined {
    return this.#byJob.get(jobId);
  }

  /** The outcome of the job was settled. */
  settle(jobId: string, nowMs: number): void {
    this.#byJob.delete(jobId);
    this.#settledAtMs.set(jobId, nowMs);
  }

  /** The job is no longer in that agent's hand. */
  drop(jobId: string): void {
    this.#byJob.delete(jobId);
  }

  /** True while the job must not be given to another agent. */
  isHeld(jobId: string, nowMs: number, limits: SilenceLimits): boolean {
    const holding = this.#byJob.get(jobId);
    if (holding === undefined) return false;
    const limitMs = holding.phase === 'committing' ? limits.committingMs : limits.silentMs;
    return nowMs - holding.heardAtMs < limitMs;
  }

  /** Drops what has been silent beyond every limit. */
  sweep(nowMs: number, limits: SilenceLimits): void {
    for (const [jobId, settledAtMs] of this.#settledAtMs)
      if (nowMs - settledAtMs > limits.silentMs) this.#settledAtMs.delete(jobId);
    for (const jobId of this.#byJob.keys()) if (!this.isHeld(jobId, nowMs, limits)) this.#byJob.delete(jobId);
  }
}
