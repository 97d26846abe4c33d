/**
 * A table from queue ids to 32 bits, for millions of them: an open-addressing hash table in typed arrays, twenty octets a slot, at most
 * three quarters full. A queue id is two numbers of eight base-52 digits, so it is kept whole and exact; what is no queue id (only a
 * damaged record has such a name) goes to a plain map.
 */
import { queueIdPattern } from '@railpost/mail';

const alphabet = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const halfLength = 8;
const partCount = 16;
const firstCapacity = 256;
/** The time half where there is no id. */
const free = -1;

/** Value of each character code; the pattern was checked before. */
const digits: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, alphabet.indexOf(String.fromCharCode(code))),
);

/** The table: parts that grow each for itself, so that never the whole of it stands in memory twice. */
export class QueueIdTable {
  readonly #others = new Map<string, number>();
  readonly #parts = Array.from({ length: partCount }, () => new Part());

  get size(): number {
    let count = this.#others.size;
    for (const part of this.#parts) count += part.count;
    return count;
  }

  /** The bits of an id, 0 when it is unknown. */
  get(queueId: string): number {
    if (!queueIdPattern.test(queueId)) return this.#others.get(queueId) ?? 0;
    const [high, low] = [halfOf(queueId, 0), halfOf(queueId, halfLength)];
    const hash = hashOf(high, low);
    return this.#parts[hash % partCount]?.or({ high, low, hash }, 0) ?? 0;
  }

  /** Adds bits to those of an id; returns what they were before. */
  or(queueId: string, bits: number): number {
    if (!queueIdPattern.test(queueId)) {
      const before = this.#others.get(queueId) ?? 0;
      this.#others.set(queueId, (before | bits) >>> 0);
      return before;
    }
    const [high, low] = [halfOf(queueId, 0), halfOf(queueId, halfLength)];
    const hash = hashOf(high, low);
    return this.#parts[hash % partCount]?.or({ high, low, hash }, bits) ?? 0;
  }
}

/** An id as two numbers, and their hash. */
interface Key {
  readonly high: number;
  readonly low: number;
  readonly hash: number;
}

class Part {
  count = 0;
  #high = new Float64Array(firstCapacity).fill(free);
  #low = new Float64Array(firstCapacity);
  #values = new Uint32Array(firstCapacity);

  /** Adds bits and returns what they were before; without bits nothing changes. */
  or(key: Key, bits: number): number {
    const slot = this.#slotOf(key);
    const before = this.#values[slot] ?? 0;
    if (bits === 0) return before;
    this.#values[slot] = before | bits;
    if (this.#high[slot] !== free) return before;
    this.#high[slot] = key.high;
    this.#low[slot] = key.low;
    this.count += 1;
    if (this.count * 4 > this.#high.length * 3) this.#grow();
    return before;
  }

  /** Where the id stands, or would. */
  #slotOf({ high, low, hash }: Key): number {
    const capacity = this.#high.length;
    let slot = Math.floor(hash / partCount) % capacity;
    while (this.#high[slot] !== free && (this.#high[slot] !== high || this.#low[slot] !== low))
      slot = slot + 1 === capacity ? 0 : slot + 1;
    return slot;
  }

  /** By half: twice as much would be wasted by most tables. */
  #grow(): void {
    const [high, low, values] = [this.#high, this.#low, this.#values];
    const capacity = Math.ceil(high.length * 1.5);
    this.#high = new Float64Array(capacity).fill(free);
    this.#low = new Float64Array(capacity);
    this.#values = new Uint32Array(capacity);
    for (const [from, each] of high.entries()) {
      if (each === free) continue;
      const key = { high: each, low: low[from] ?? 0 };
      const slot = this.#slotOf({ ...key, hash: hashOf(key.high, key.low) });
      this.#high[slot] = key.high;
      this.#low[slot] = key.low;
      this.#values[slot] = values[from] ?? 0;
    }
  }
}

/** 32 bits. The time half of neighbours differs in its last bits, the random half everywhere. */
function hashOf(high: number, low: number): number {
  const mixed = Math.imul(low % 0x1_0000_0000, 0x9e3779b1) ^ Math.imul(high % 0x1_0000_0000, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

function halfOf(queueId: string, start: number): number {
  let value = 0;
  for (let index = start; index < start + halfLength; index += 1)
    value = value * 52 + (digits[queueId.charCodeAt(index)] ?? 0);
  return value;
}
