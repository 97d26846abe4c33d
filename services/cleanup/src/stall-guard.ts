/**
 * Notices when this process stood still (SIGSTOP, a paused virtual machine, a frozen container). Records in hand before
 * such a pause may be in other hands by now, and the duplicate window may have passed: they are given back unpublished.
 * What lay in the socket meanwhile is no younger, although it is read after the pause: the first second counts as part of it.
 * Time comes from the monotonic clock, which goes on while the process is stopped.
 */
import type { Clock } from '@railpost/runtime';

/** After a pause, how long records may come that were sent before or during it. */
const leftoverMs = 1000;

export class StallGuard {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #limitMs: number;
  #lastTickMs: number;
  /** End of the last pause. */
  #resumedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param limitMs longest time without a tick that is no pause: half of ack_wait */
  constructor(clock: Pick<Clock, 'monotonicMs'>, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#lastTickMs = clock.monotonicMs();
  }

  start(): void {
    this.#lastTickMs = this.#clock.monotonicMs();
    this.#timer = setInterval(() => this.tick(), this.#limitMs / 5);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One sign of life. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastTickMs > this.#limitMs) this.#resumedMs = nowMs;
    this.#lastTickMs = nowMs;
  }

  /** True when the process stood still at some time after `sinceMs` (monotonic), or just before it. */
  hasStalledSince(sinceMs: number): boolean {
    this.tick();
    return this.#resumedMs > sinceMs - leftoverMs;
  }
}
