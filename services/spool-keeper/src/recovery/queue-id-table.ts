/**
 * A table from queue ids to 32 bits, for millions of them, in typed arrays: rows of 24 octets on pages that are made when they are needed
 * and never again, and hash chains of numbers that lead to them. What grows by copying leaves holes that nothing fits into, which cost
 * more than the table. A queue id is two numbers of eight base-52 digits, so it is kept whole and exact; what is no queue id
 * (only a damaged record has such a name) goes to a plain map.
 */
import { queueIdPattern } from '@railpost/mail';

const alphabet = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const halfLength = 8;
/** Rows on a page of 200 kB. */
const pageRows = 8192;
const firstChains = 256;
/** Rows in a chain, on average, when chains become more. */
const longChain = 4;
/** Where a chain ends. */
const none = -1;

/** Value of each character code; the pattern was checked before. */
const digits: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, alphabet.indexOf(String.fromCharCode(code))),
);

/** The table. */
export class QueueIdTable {
  readonly #others = new Map<string, number>();
  readonly #pages: Page[] = [];
  #heads = new Int32Array(firstChains).fill(none);
  #rows = 0;

  get size(): number {
    return this.#others.size + this.#rows;
  }

  /** The bits of an id, 0 when it is unknown. */
  get(queueId: string): number {
    return this.or(queueId, 0);
  }

  /** Adds bits to those of an id; returns what they were before. Without bits nothing changes. */
  or(queueId: string, bits: number): number {
    if (!queueIdPattern.test(queueId)) return this.#orOther(queueId, bits);
    const [high, low] = [halfOf(queueId, 0), halfOf(queueId, halfLength)];
    for (let row = this.#heads[this.#chainOf(high, low)] ?? none; row !== none; ) {
      const page = this.#pageOf(row);
      const at = row % pageRows;
      if (page.high[at] === high && page.low[at] === low) {
        const before = page.values[at] ?? 0;
        page.values[at] = before | bits;
        return before;
      }
      row = page.links[at] ?? none;
    }
    if (bits !== 0) this.#add(high, low, bits);
    return 0;
  }

  #orOther(id: string, bits: number): number {
    const before = this.#others.get(id) ?? 0;
    if (bits !== 0) this.#others.set(id, (before | bits) >>> 0);
    return before;
  }

  #add(high: number, low: number, bits: number): void {
    if (this.#rows === this.#heads.length * longChain) this.#makeChains(this.#heads.length * longChain);
    const row = this.#rows;
    this.#rows += 1;
    const page = this.#pageOf(row);
    const at = row % pageRows;
    page.high[at] = high;
    page.low[at] = low;
    page.values[at] = bits;
    this.#link(row);
  }

  /** More chains, and all rows into them. */
  #makeChains(count: number): void {
    this.#heads = new Int32Array(count).fill(none);
    for (let row = 0; row < this.#rows; row += 1) this.#link(row);
  }

  #link(row: number): void {
    const page = this.#pageOf(row);
    const at = row % pageRows;
    const chain = this.#chainOf(page.high[at] ?? 0, page.low[at] ?? 0);
    page.links[at] = this.#heads[chain] ?? none;
    this.#heads[chain] = row;
  }

  #chainOf(high: number, low: number): number {
    return hashOf(high, low) & (this.#heads.length - 1);
  }

  #pageOf(row: number): Page {
    const number = Math.floor(row / pageRows);
    const page = this.#pages[number] ?? new Page();
    this.#pages[number] = page;
    return page;
  }
}

/** Rows: an id as two numbers, its bits, and the next row of its chain. */
class Page {
  readonly high = new Float64Array(pageRows);
  readonly low = new Float64Array(pageRows);
  readonly values = new Uint32Array(pageRows);
  readonly links = new Int32Array(pageRows);
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
