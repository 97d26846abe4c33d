/**
 * A table of messages by queue id in typed arrays, for millions of them: open addressing, 28 octets a slot, at most three quarters full. A
 * queue id is two numbers of eight base-52 digits, so it is kept whole and exact; what is no queue id is numbered in a plain map.
 * Slots move when messages are added or removed: none may be kept over such a call.
 */
import { formatQueueId, queueIdPattern } from '@railpost/mail';

const alphabet = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const halfLength = 8;
const firstCapacity = 1024;
/** The time half of what is no queue id; a slot without a message has {@link free}. */
const foreign = -1;
const free = -2;

/** Value of each character code; the pattern was checked before. */
const digits: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, alphabet.indexOf(String.fromCharCode(code))),
);

/** The table. */
export class MessageTable {
  /** Number of the segment that a message lies in, by slot. */
  segments = new Uint32Array(firstCapacity);
  /** Octets of its content. */
  bytes = new Uint32Array(firstCapacity);
  /** Originals of it that are not complete. */
  openOriginals = new Uint32Array(firstCapacity);
  #high = new Float64Array(firstCapacity).fill(free);
  #low = new Float64Array(firstCapacity);
  #count = 0;
  readonly #foreign = new Map<string, number>();
  readonly #foreignIds: string[] = [];

  /** Messages in the table. */
  get size(): number {
    return this.#count;
  }

  /** Slot of a message, -1 when it is not there. */
  find(queueId: string): number {
    const [high, low] = this.#numbersOf(queueId);
    const slot = this.#slotOf(high, low);
    return this.#high[slot] === free ? -1 : slot;
  }

  /** Adds a message that is not there; returns its slot, all columns 0. */
  insert(queueId: string): number {
    if ((this.#count + 1) * 4 > this.#high.length * 3) this.#grow();
    const [high, low] = this.#numbersOf(queueId);
    const slot = this.#slotOf(high, low);
    this.#put(slot, { high, low, segment: 0, bytes: 0, open: 0 });
    this.#count += 1;
    return slot;
  }

  /** Takes a message out; those behind it move up, so that no search ends too early. */
  remove(slot: number): void {
    const mask = this.#high.length - 1;
    let hole = slot;
    for (let next = (slot + 1) & mask; this.#high[next] !== free; next = (next + 1) & mask) {
      const home = this.#homeOf(this.#high[next] ?? 0, this.#low[next] ?? 0);
      // It may move up unless it stands between its home and here.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.#move(next, hole);
      hole = next;
    }
    this.#high[hole] = free;
    this.#count -= 1;
  }

  /** Slots that hold messages. */
  *slots(): Iterable<number> {
    for (let slot = 0; slot < this.#high.length; slot += 1) if (this.#high[slot] !== free) yield slot;
  }

  /** The queue id of the message in a slot. */
  idAt(slot: number): string {
    const [high, low] = [this.#high[slot] ?? 0, this.#low[slot] ?? 0];
    return high === foreign ? (this.#foreignIds[low] ?? '') : formatQueueId(high, low);
  }

  /** Where the message stands, or would. */
  #slotOf(high: number, low: number): number {
    const mask = this.#high.length - 1;
    let slot = this.#homeOf(high, low);
    while (this.#high[slot] !== free && (this.#high[slot] !== high || this.#low[slot] !== low))
      slot = (slot + 1) & mask;
    return slot;
  }

  /** The time half of neighbours differs in its last bits, the other one everywhere. */
  #homeOf(high: number, low: number): number {
    const mixed = Math.imul(low % 2 ** 32, 0x9e3779b1) ^ Math.imul(high % 2 ** 32, 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & (this.#high.length - 1);
  }

  #numbersOf(queueId: string): readonly [high: number, low: number] {
    if (queueIdPattern.test(queueId)) return [halfOf(queueId, 0), halfOf(queueId, halfLength)];
    let number = this.#foreign.get(queueId);
    if (number === undefined) {
      number = this.#foreignIds.push(queueId) - 1;
      this.#foreign.set(queueId, number);
    }
    return [foreign, number];
  }

  #put(
    slot: number,
    row: {
      readonly high: number;
      readonly low: number;
      readonly segment: number;
      bytes: number;
      open: number;
    },
  ): void {
    this.#high[slot] = row.high;
    this.#low[slot] = row.low;
    this.segments[slot] = row.segment;
    this.bytes[slot] = row.bytes;
    this.openOriginals[slot] = row.open;
  }

  #move(from: number, to: number): void {
    this.#put(to, {
      high: this.#high[from] ?? 0,
      low: this.#low[from] ?? 0,
      segment: this.segments[from] ?? 0,
      bytes: this.bytes[from] ?? 0,
      open: this.openOriginals[from] ?? 0,
    });
  }

  #grow(): void {
    const [high, low, segments, bytes, open] = [
      this.#high,
      this.#low,
      this.segments,
      this.bytes,
      this.openOriginals,
    ];
    const capacity = high.length * 2;
    this.#high = new Float64Array(capacity).fill(free);
    this.#low = new Float64Array(capacity);
    this.segments = new Uint32Array(capacity);
    this.bytes = new Uint32Array(capacity);
    this.openOriginals = new Uint32Array(capacity);
    for (let from = 0; from < high.length; from += 1) {
      if (high[from] === free) continue;
      const row = { high: high[from] ?? 0, low: low[from] ?? 0 };
      const columns = { segment: segments[from] ?? 0, bytes: bytes[from] ?? 0, open: open[from] ?? 0 };
      this.#put(this.#slotOf(row.high, row.low), { ...row, ...columns });
    }
  }
}

function halfOf(queueId: string, start: number): number {
  let value = 0;
  for (let index = start; index < start + halfLength; index += 1)
    value = value * 52 + (digits[queueId.charCodeAt(index)] ?? 0);
  return value;
}
