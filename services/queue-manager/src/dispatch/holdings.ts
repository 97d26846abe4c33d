/**
 * What delivery agents say they have in hand (durability rules 8 and 9): the latest heartbeat of each job. A job that an agent
 * named lately must not be given to another. An agent that fell silent loses its jobs when its presence says that the process has been
 * started anew; else it may have been cut off, and may have committed within 10 s of its silence whatever phase it had named
 * before: then only when the dot timeout is over, too.
 */
import type { Heartbeat, Phase, Task } from '@railpost/contracts';
import type { AgentRoll } from './agent-roll.ts';

/** One job in an agent's hand. */
export interface Holding {
  readonly worker: string;
  /** Start of its process; undefined when it does not say. */
  readonly startedAt: string | undefined;
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
  readonly #agents: Pick<AgentRoll, 'isDead'>;

  /** @param agents knows which processes have been started anew */
  constructor(agents: Pick<AgentRoll, 'isDead'>) {
    this.#agents = agents;
  }

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
      this.#byJob.set(jobId, {
        worker: heartbeat.worker,
        startedAt: heartbeat.startedAt,
        task,
        phase,
        heardAtMs: nowMs,
      });
    return counted;
  }

  /** Notes that an agent accepted a job. */
  accept(jobId: string, by: Pick<Holding, 'worker' | 'startedAt' | 'task'>, nowMs: number): void {
    this.#settledAtMs.delete(jobId);
    this.#byJob.set(jobId, { ...by, phase: 'accepted', heardAtMs: nowMs });
  }

  /** True when an agent has been silent about a job for so long. */
  areSilent(nowMs: number, silentMs: number): boolean {
    for (const { heardAtMs } of this.#byJob.values()) if (nowMs - heardAtMs >= silentMs) return true;
    return false;
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
    if (this.#agents.isDead(holding.worker, holding.startedAt)) return false;
    // An agent of an earlier release does not say when it started: nobody could tell that it is dead.
    const mayHaveCommitted = holding.phase === 'committing' || holding.startedAt !== undefined;
    return nowMs - holding.heardAtMs < (mayHaveCommitted ? limits.committingMs : limits.silentMs);
  }

  /** Drops what has been silent beyond every limit. */
  sweep(nowMs: number, limits: SilenceLimits): void {
    for (const [jobId, settledAtMs] of this.#settledAtMs)
      if (nowMs - settledAtMs > limits.silentMs) this.#settledAtMs.delete(jobId);
    for (const jobId of this.#byJob.keys()) if (!this.isHeld(jobId, nowMs, limits)) this.#byJob.delete(jobId);
  }
}
