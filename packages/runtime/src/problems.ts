/**
 * What is wrong with a process now, in words, by key: the process's own statements plus the bus's health. Feeds /health,
 * presence (`railpost status`) and a gauge.
 */
import { Gauge, type Registry } from 'prom-client';

/** The present problems of one process. */
export class Problems {
  readonly #stated = new Map<string, string>();
  #others: () => readonly string[] = () => [];

  constructor(metrics: Registry) {
    const count = () => this.list().length;
    const gauge: Gauge = new Gauge({
      name: 'railpost_problems',
      help: 'Number of problems that this process states in /health now.',
      registers: [metrics],
      collect() {
        gauge.set(count());
      },
    });
  }

  /** States a problem, or with undefined that it is over. */
  set(key: string, text: string | undefined): void {
    if (text === undefined) this.#stated.delete(key);
    else this.#stated.set(key, text);
  }

  /** Adds a source that is asked each time. */
  include(source: () => readonly string[]): void {
    const before = this.#others;
    this.#others = () => [...before(), ...source()];
  }

  /** All present problems. */
  list(): readonly string[] {
    return [...this.#stated.values(), ...this.#others()];
  }
}
