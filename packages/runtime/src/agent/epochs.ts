/**
 * The highest epoch heard per shard (durability rule 3): an owner with a lower one has been deposed, so its dispatches are
 * refused and its acknowledgements ignored. Pure.
 */

/** Highest epochs by shard. */
export class Epochs {
  readonly #highest = new Map<number, number>();

  /** Notes an epoch. True when it is not older than any heard before: its bearer may be obeyed. */
  admit(shard: number, epoch: number): boolean {
    const highest = this.#highest.get(shard);
    if (highest !== undefined && epoch < highest) return false;
    this.#highest.set(shard, epoch);
    return true;
  }

  /** Shards heard of. */
  shards(): ReadonlySet<number> {
    return new Set(this.#highest.keys());
  }

  /** Highest epoch heard of the shard, if any. */
  highest(shard: number): number | undefined {
    return this.#highest.get(shard);
  }
}
