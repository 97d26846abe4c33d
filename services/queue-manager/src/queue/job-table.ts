/**
 * The jobs of one shard by job id and by queue id. Two maps of a million strings would cost more than all else that a takeover does with
 * a job, and a third of the memory: here the jobs stand in one list in the order in which they came, and hash chains of numbers lead
 * to them. Rows of jobs that went stay empty until the list is full; then it closes up, or grows.
 */
import { fnv1a } from '@railpost/contracts';
import type { QueuedJob } from './queued-job.ts';

type Job = Pick<QueuedJob, 'jobId' | 'queueId'>;

const firstRows = 256;
/** Where a chain ends. */
const none = -1;

/** The table. */
export class JobTable<Item extends Job> {
  /** By row. */
  #items: (Item | undefined)[] = [];
  #byJob = new Chains(firstRows);
  #byMessage = new Chains(firstRows);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(jobId: string): Item | undefined {
    const hash = hashOf(jobId);
    for (let row = this.#byJob.first(hash); row !== none; row = this.#byJob.next(row, hash)) {
      const item = this.#items[row];
      if (item?.jobId === jobId) return item;
    }
    return undefined;
  }

  /** Jobs of one message, in the order in which they came. */
  ofMessage(queueId: string): Item[] {
    const found: Item[] = [];
    const hash = hashOf(queueId);
    for (let row = this.#byMessage.first(hash); row !== none; row = this.#byMessage.next(row, hash)) {
      const item = this.#items[row];
      if (item?.queueId === queueId) found.push(item);
    }
    return found.reverse();
  }

  /** All jobs, in the order in which they came. They may be removed meanwhile, but none may be added. */
  *values(): IterableIterator<Item> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }

  /** Adds a job that is not there. */
  add(item: Item): void {
    if (this.#items.length === this.#byJob.rows) this.#makeRoom();
    this.#append(item, hashOf(item.jobId), hashOf(item.queueId));
    this.#size += 1;
  }

  /** Removes a job; false when it is not this one that is there. */
  remove(item: Item): boolean {
    const hash = hashOf(item.jobId);
    let row = this.#byJob.first(hash);
    while (row !== none && this.#items[row] !== item) row = this.#byJob.next(row, hash);
    if (row === none) return false;
    this.#byJob.unlink(row);
    this.#byMessage.unlink(row);
    this.#items[row] = undefined;
    this.#size -= 1;
    return true;
  }

  /** Closes up; as many rows as a list needs that is at most half full. */
  #makeRoom(): void {
    const [items, byJob, byMessage] = [this.#items, this.#byJob, this.#byMessage];
    let rows = firstRows;
    while (rows < this.#size * 2) rows *= 2;
    this.#items = [];
    this.#byJob = new Chains(rows);
    this.#byMessage = new Chains(rows);
    for (let row = 0; row < items.length; row += 1) {
      const item = items[row];
      if (item !== undefined) this.#append(item, byJob.hashAt(row), byMessage.hashAt(row));
    }
  }

  #append(item: Item, jobHash: number, messageHash: number): void {
    const row = this.#items.push(item) - 1;
    this.#byJob.link(row, jobHash);
    this.#byMessage.link(row, messageHash);
  }
}

/** Chains of rows whose hashes end alike, youngest row first; as many chains as rows, a power of two. */
class Chains {
  #heads: Int32Array;
  #links: Int32Array;
  /** By row: most rows of a chain are passed over without a look at their jobs. */
  #hashes: Int32Array;

  constructor(rows: number) {
    this.#heads = new Int32Array(rows).fill(none);
    this.#links = new Int32Array(rows);
    this.#hashes = new Int32Array(rows);
  }

  /** For so many rows there is room. */
  get rows(): number {
    return this.#links.length;
  }

  /** What a row was linked with. */
  hashAt(row: number): number {
    return this.#hashes[row] ?? 0;
  }

  /** The youngest row of this hash. */
  first(hash: number): number {
    return this.#withHash(this.#heads[this.#chainOf(hash)] ?? none, hash);
  }

  /** The next one behind a row. */
  next(row: number, hash: number): number {
    return this.#withHash(this.#links[row] ?? none, hash);
  }

  link(row: number, hash: number): void {
    const chain = this.#chainOf(hash);
    this.#hashes[row] = hash;
    this.#links[row] = this.#heads[chain] ?? none;
    this.#heads[chain] = row;
  }

  unlink(row: number): void {
    const chain = this.#chainOf(this.#hashes[row] ?? 0);
    const behind = this.#links[row] ?? none;
    let before = this.#heads[chain] ?? none;
    if (before === row) {
      this.#heads[chain] = behind;
      return;
    }
    while (this.#links[before] !== row) before = this.#links[before] ?? none;
    this.#links[before] = behind;
  }

  #withHash(from: number, hash: number): number {
    let row = from;
    while (row !== none && this.#hashes[row] !== hash) row = this.#links[row] ?? none;
    return row;
  }

  #chainOf(hash: number): number {
    return hash & (this.#heads.length - 1);
  }
}

/** Whoever sends mail has no influence on queue ids, and little on job ids. */
function hashOf(id: string): number {
  const hash = fnv1a(id);
  return hash ^ (hash >>> 15);
}
