/**
 * A table from queue ids to 32 bits, for millions of them: an open-addressing hash table in typed arrays, twenty octets a slot, at most
 * three quarters full. A queue id is two numbers of eight base-52 digits, so it is kept whole and exact; what is no queue id (only a
 * damaged record has such a name) goes to a plain map.
 */
import { queueIdPattern } from '@railpost/mail';

const alphabet = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const halfLength = 8;
const firstCapacity = 1024;

/** Value of each character code; the pattern was checked before. */
const digits: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, alphabet.indexOf(String.fromCharCode(code))),
);

/** The table. */
export class QueueIdTable {
  readonly #others = new Map<string, number>();
  #capacity = firstCapacity;
  #high = new Float64Array(firstCapacity);
  #low = new Float64Array(firstCapacity);
  #values = new Uint32Array(firstCapacity);
  /** 1 where a slot is taken: an id of all zeros is an id too. */
  #taken = new Uint8Array(firstCapacity);
  #count = 0;

  get size(): number {
    return this.#count + this.#others.size;
  }

  /** The bits of an id, 0 when it is unknown. */
  get(queueId: string): number {
    if (!queueIdPattern.test(queueId)) return this.#others.get(queueId) ?? 0;
    return this.#values[this.#slotOf(halfOf(queueId, 0), halfOf(queueId, halfLength))] ?? 0;
  }

  /** Adds bits to those of an id; returns what they were before. */
  or(queueId: string, bits: number): number {
    if (!queueIdPattern.test(queueId)) {
      const before = this.#others.get(queueId) ?? 0;
      this.#others.set(queueId, (before | bits) >>> 0);
      return before;
    }
    const [high, low] = [halfOf(queueId, 0), halfOf(queueId, halfLength)];
    const slot = this.#slotOf(high, low);
    const before = this.#values[slot] ?? 0;
    this.#values[slot] = before | bits;
    if (this.#taken[slot] === 1) return before;
    this.#taken[slot] = 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#count += 1;
    if (this.#count * 4 > this.#capacity * 3) this.#grow();
    return before;
  }

  /** Where the id stands, or would. */
  #slotOf(high: number, low: number): number {
    const mask = this.#capacity - 1;
    // The time half of neighbours differs in its last bits, the random half everywhere.
    let slot =
      (Math.imul(low % 0x1_0000_0000, 0x9e3779b1) ^ Math.imul(high % 0x1_0000_0000, 0x85ebca6b)) & mask;
    while (this.#taken[slot] === 1 && (this.#high[slot] !== high || this.#low[slot] !== low))
      slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [high, low, values, taken, capacity] = [
      this.#high,
      this.#low,
      this.#values,
      this.#taken,
      this.#capacity,
    ];
    this.#capacity = capacity * 2;
    this.#high = new Float64Array(this.#capacity);
    this.#low = new Float64Array(this.#capacity);
    this.#values = new Uint32Array(this.#capacity);
    this.#taken = new Uint8Array(this.#capacity);
    for (let from = 0; from < capacity; from += 1) {
      if (taken[from] !== 1) continue;
      const slot = this.#slotOf(high[from] ?? 0, low[from] ?? 0);
      this.#taken[slot] = 1;
      this.#high[slot] = high[from] ?? 0;
      this.#low[slot] = low[from] ?? 0;
      this.#values[slot] = values[from] ?? 0;
    }
  }
}

function halfOf(queueId: string, start: number): number {
  let value = 0;
  for (let index = start; index < start + halfLength; index += 1)
    value = value * 52 + (digits[queueId.charCodeAt(index)] ?? 0);
  return value;
}
