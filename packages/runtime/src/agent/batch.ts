/**
 * Jobs of one destination that an owner gave together: at most `width` of them run at once, the others wait in the agent's hand and
 * follow as these end, so that a fast destination does not wait for the owner's word on each. Width is what the destination's
 * window allows (queue-manager); a batch has as many slots as it runs jobs. Pure.
 */
import type { JobInHand } from './jobs-in-hand.ts';

/** One batch. */
export class Batch {
  /** How many may run at once. */
  readonly width: number;
  readonly #waiting: JobInHand[] = [];
  /** Jobs that wait per running one, at most. */
  readonly #behindEach: number;
  #running = 0;

  /**
   * @param jobs jobs that the owner put into the batch
   * @param width how many of them may run at once
   */
  constructor(jobs: number, width: number) {
    this.width = Math.max(1, width);
    this.#behindEach = Math.max(0, Math.ceil(jobs / this.width) - 1);
  }

  /** Jobs that run. */
  get running(): number {
    return this.#running;
  }

  /** True while jobs wait behind those that run. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** A job began that need not wait. */
  start(): void {
    this.#running += 1;
  }

  /** Puts a job behind those that run. False when they are too few for it: another agent may have more room. */
  queue(job: JobInHand): boolean {
    if (this.#waiting.length >= this.#running * this.#behindEach) return false;
    this.#waiting.push(job);
    return true;
  }

  /** One of the running jobs ended: the one that takes its place, if any waits. */
  next(): JobInHand | undefined {
    const job = this.#waiting.shift();
    if (job === undefined) this.#running -= 1;
    return job;
  }

  /** Takes all that wait out of the batch. */
  giveBack(): JobInHand[] {
    return this.#waiting.splice(0);
  }
}
