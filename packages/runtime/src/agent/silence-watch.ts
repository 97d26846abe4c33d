/**
 * Notices silence of NATS or of this process (durability rule 9). An owner gives a job to another agent after 20 s without
 * heartbeat; so a job whose agent was cut off, or stopped (SIGSTOP, a frozen machine), for 10 s may not be committed any
 * more, even if NATS answers again by now. The watch samples; each silence ends an era, and a job may only be
 * committed in the era in which it was accepted.
 */

/** Silence after which nothing that was in hand before may be committed. */
const silenceLimitMs = 10_000;

/** An owner waits 2 s for an answer and a heartbeat more before it offers a job to another agent: older offers are dead. */
const longestTransitMs = 2500;

/** Where the watch looks. */
export interface SilenceSources {
  lastAnswerAgeMs(): number;
  transitAgeMs(): number;
  monotonicMs(): number;
}

/** Watches; call {@link SilenceWatch.sample} at least once a second. */
export class SilenceWatch {
  readonly #sources: SilenceSources;
  #sampledAtMs: number;
  #era = 0;

  constructor(sources: SilenceSources) {
    this.#sources = sources;
    this.#sampledAtMs = sources.monotonicMs();
  }

  /** The present era. */
  get era(): number {
    return this.#era;
  }

  /** Looks; begins a new era after a silence. Returns whether NATS and this process are awake now. */
  sample(): boolean {
    const now = this.#sources.monotonicMs();
    const isAsleep = now - this.#sampledAtMs > silenceLimitMs;
    const isCutOff = this.#sources.lastAnswerAgeMs() > silenceLimitMs;
    this.#sampledAtMs = now;
    if (isAsleep || isCutOff) this.#era += 1;
    return !isAsleep && !isCutOff;
  }

  /** True when an offer that is received now is so young that its owner still waits for the answer. */
  mayTake(): boolean {
    return this.#sources.transitAgeMs() <= longestTransitMs;
  }

  /** True when a job accepted in `era` may be committed now. */
  mayCommit(era: number): boolean {
    return this.sample() && era === this.#era;
  }
}
