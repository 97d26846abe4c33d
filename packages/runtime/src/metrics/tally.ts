/**
 * A counter, or a level that goes up and down, for what happens several times per message: counted in plain numbers, handed to prom-client when it is scraped.
 * (`Counter.inc` with labels checks and hashes them each time, which costs more than some of what it counts.)
 */
import { Counter, Gauge, type Registry } from 'prom-client';

/** Name, help text and labels, as of any counter. */
export interface TallyDefinition<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  /** `level`: goes down too, by negative amounts. @default counter */
  readonly kind?: 'counter' | 'level';
}

/** Counts by values of labels. */
export class Tally<Label extends string> {
  readonly #labelNames: readonly Label[];
  readonly #counts = new Map<string, { readonly values: readonly string[]; pending: number }>();

  constructor(registry: Registry, definition: TallyDefinition<Label>) {
    this.#labelNames = definition.labelNames;
    const { kind, ...rest } = definition;
    const handOver = (metric: Counter<Label> | Gauge<Label>) => this.#handOver(metric);
    const configuration = {
      ...rest,
      registers: [registry],
      // Called with the metric as `this`.
      collect(this: Counter<Label> | Gauge<Label>) {
        handOver(this);
      },
    };
    // The registry holds it.
    if (kind === 'level') void new Gauge(configuration);
    else void new Counter(configuration);
  }

  /** Adds to the count of these values, given in the order of `labelNames`. */
  add(amount: number, first: string, second = '', third = ''): void {
    const key = `${first}\n${second}\n${third}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { values: [first, second, third], pending: amount });
    else known.pending += amount;
  }

  #handOver(metric: Counter<Label> | Gauge<Label>): void {
    for (const count of this.#counts.values()) {
      const labels = this.#labelNames.map((name, index) => [name, count.values[index] ?? '']);
      // The keys are the label names, one by one.
      metric.inc(Object.fromEntries(labels) as Record<Label, string>, count.pending);
      count.pending = 0;
    }
  }
}
