/**
 * The bounded `destination` label: the 20 largest destinations by name, all others as `other`, so that a spammer cannot
 * blow up the monitoring. Sizes are counts that halve once a minute; a destination that falls out of the 20 takes its
 * series with it.
 */
import type { Counter, Gauge, Histogram } from 'prom-client';

const limit = 20;
/** Candidates that are counted at all; beyond it the smallest gives way (space-saving). */
const candidateLimit = 1000;
const rankEveryMs = 60_000;

/** A metric with a `destination` label. */
export type LabelledMetric = Counter | Gauge | Histogram;

/** Chooses labels; one per process and set of metrics. */
export class DestinationLabels {
  readonly #metrics: readonly LabelledMetric[];
  readonly #monotonicMs: () => number;
  readonly #counts = new Map<string, number>();
  #named = new Set<string>();
  #rankedAtMs: number;

  /** @param metrics whose series are removed when a destination becomes `other` */
  constructor(metrics: readonly LabelledMetric[], monotonicMs: () => number = () => performance.now()) {
    this.#metrics = metrics;
    this.#monotonicMs = monotonicMs;
    this.#rankedAtMs = monotonicMs();
  }

  /** Counts one use of `destination` and returns its label. */
  label(destination: string): string {
    this.#count(destination);
    if (this.#monotonicMs() - this.#rankedAtMs >= rankEveryMs) this.#rank();
    if (this.#named.has(destination)) return destination;
    if (this.#named.size >= limit) return 'other';
    this.#named.add(destination);
    return destination;
  }

  #count(destination: string): void {
    const known = this.#counts.get(destination);
    if (known !== undefined || this.#counts.size < candidateLimit) {
      this.#counts.set(destination, (known ?? 0) + 1);
      return;
    }
    let smallest: [string, number] | undefined;
    for (const entry of this.#counts) if (smallest === undefined || entry[1] < smallest[1]) smallest = entry;
    if (smallest === undefined) return;
    this.#counts.delete(smallest[0]);
    this.#counts.set(destination, smallest[1] + 1);
  }

  #rank(): void {
    this.#rankedAtMs = this.#monotonicMs();
    const ranked = [...this.#counts].toSorted((left, right) => right[1] - left[1]);
    const next = new Set(ranked.slice(0, limit).map(([destination]) => destination));
    for (const destination of this.#named) if (!next.has(destination)) void this.#removeSeries(destination);
    this.#named = next;
    for (const [destination, count] of ranked) {
      if (count < 2) this.#counts.delete(destination);
      else this.#counts.set(destination, Math.floor(count / 2));
    }
  }

  async #removeSeries(destination: string): Promise<void> {
    for (const metric of this.#metrics) {
      const { values } = await metric.get();
      for (const { labels } of values) {
        if (labels['destination'] !== destination) continue;
        const { le: _bucket, ...series } = labels as Record<string, string | number>;
        metric.remove(series);
      }
    }
  }
}
