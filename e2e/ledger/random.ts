/**
 * Chance that can be repeated: everything the ledger decides by chance (sizes, recipients, which fault strikes when) comes from one
 * seed. What the machine does meanwhile (timing, scheduling) does not: the same seed sends the same messages and strikes the same blows.
 */
import { createHash } from 'node:crypto';

/** A stream of numbers that depends on its name alone. */
export class Random {
  #state: number;

  /** @param name for example `7/part 3/faults`: streams of different names are independent */
  constructor(name: string) {
    this.#state = createHash('sha256').update(name).digest().readUInt32LE(0);
  }

  /** A number in [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** One of them. @throws RangeError when there is none */
  pick<T>(all: readonly T[]): T {
    const found = all[this.between(0, all.length - 1)];
    if (found === undefined) throw new RangeError('nothing to pick from');
    return found;
  }

  /** One of them, as often as its weight says. @throws RangeError when there is none */
  pickWeighted<T>(all: readonly { readonly value: T; readonly weight: number }[]): T {
    let left = this.next() * all.reduce((sum, { weight }) => sum + weight, 0);
    for (const { value, weight } of all) {
      left -= weight;
      if (left < 0) return value;
    }
    throw new RangeError('nothing to pick from');
  }
}
