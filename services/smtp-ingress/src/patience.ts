/**
 * Waits for promises that are nearly always kept within milliseconds, each up to the same limit. One timer stands for all of them
 * and goes off once per limit: with one for each, every message would set a timer and clear it.
 */

interface Waiter {
  /** On the monotonic clock, in milliseconds. */
  readonly untilMs: number;
  giveUp(): void;
}

/** How long one waits for promises of one kind. */
export class Patience {
  readonly #limitMs: number;
  /** In the order of their ends. */
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** True once the promise has resolved, false when the limit is over before. Rejects as the promise does. */
  isKept(promise: Promise<void>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiter = { untilMs: performance.now() + this.#limitMs, giveUp: () => resolve(false) };
      this.#waiters.add(waiter);
      promise.then(
        () => {
          this.#waiters.delete(waiter);
          resolve(true);
        },
        (error: Error) => {
          this.#waiters.delete(waiter);
          reject(error);
        },
      );
      this.#watch();
    });
  }

  #watch(): void {
    const [first] = this.#waiters;
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#giveUpLate();
        this.#watch();
      },
      Math.ceil(first.untilMs - performance.now()),
    ).unref();
  }

  #giveUpLate(): void {
    const nowMs = performance.now();
    for (const waiter of this.#waiters) {
      if (waiter.untilMs > nowMs) return;
      this.#waiters.delete(waiter);
      waiter.giveUp();
    }
  }
}
