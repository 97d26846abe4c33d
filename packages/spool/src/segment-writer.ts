/**
 * Group commit: while PUTs are in flight, finished messages collect; then they go out together as one segment object.
 * Self-clocking: one or two PUTs in flight, nothing waits when idle. While other messages are just coming in, a group waits some
 * milliseconds for them: one segment of fifty costs little more than one of five, in syncs and in every later hop (their records travel
 * in one bundle). A message above a megabyte streams into a segment of its own (large-record.ts). Order between messages: none. What a
 * commit promises: see {@link RecordWriter.commit}.
 */
import { BufferBudget } from './buffer-budget.ts';
import { type CommitLimits, commitObject } from './commit-object.ts';
import { folderOf } from './disk-room.ts';
import { SpoolUnavailableError } from './errors.ts';
import { LargeRecord } from './large-record.ts';
import { type ObjectStore, totalBytes } from './object-store.ts';
import { type RecordContext, type RecordWriter, type WaitingRecord, beginRecord } from './record-writer.ts';
import { encodeSegmentEnd, footerBytes, formatIndexEntry } from './segment-format.ts';
import { newSegmentKey } from './segment-key.ts';

/** Settings of a segment writer; sizes in octets, times in milliseconds. */
export interface SegmentWriterOptions {
  /** @default 400 */
  readonly recordsPerSegment?: number;
  /** @default 4 MiB */
  readonly bytesPerSegment?: number;
  /** @default 1 on a directory (a second one halves the groups and gains nothing on one disk), 2 else */
  readonly putsInFlight?: number;
  /** Above this a message streams into a segment of its own. @default 1 MiB */
  readonly largeAboveBytes?: number;
  /** Bound on all message octets in memory, one overdraft of a part (5 MiB) and a chunk apart. @default 58 MiB */
  readonly bufferBytes?: number;
  /** Time after which a PUT without an answer is given up by a void object. @default 20000 */
  readonly deadlineMs?: number;
  /** Time after which a PUT that is only ever refused is given up. @default 2000 */
  readonly refusalMs?: number;
  /** Time after which nobody waits for that decision any more. @default 10000 */
  readonly undecidedMs?: number;
  /** A message that waits for so long behind PUTs without an answer is refused: nothing of it was sent. @default 5000 */
  readonly waitingMs?: number;
  /** How long a group waits for messages that are coming in; 0: never. @default 15 */
  readonly gatherMs?: number;
  /** Clock for names. @default Date.now */
  readonly now?: () => number;
}

/** Writes messages into the spool. */
export interface SegmentWriter {
  /** Begins a message. */
  begin(): RecordWriter;
  /** Waits for what has been committed; an effect still unknown then rejects its commit as such. */
  close(): Promise<void>;
}

/** Opens a writer; one per process, so that its bound on memory holds. */
export function openSegmentWriter(store: ObjectStore, options: SegmentWriterOptions = {}): SegmentWriter {
  return new GroupWriter(store, options);
}

const defaults = {
  recordsPerSegment: 400,
  bytesPerSegment: 4 * 1024 * 1024,
  largeAboveBytes: 1024 * 1024,
  bufferBytes: 58 * 1024 * 1024,
  deadlineMs: 20_000,
  refusalMs: 2_000,
  undecidedMs: 10_000,
  waitingMs: 5_000,
  gatherMs: 15,
} as const;

/** A message that is coming in for so many times `gatherMs` is that of a slow client, for whom nobody waits. */
const slowFactor = 2;

class GroupWriter implements SegmentWriter {
  readonly #store: ObjectStore;
  readonly #budget: BufferBudget;
  readonly #limits: CommitLimits;
  readonly #recordsPerSegment: number;
  readonly #bytesPerSegment: number;
  readonly #putsInFlight: number;
  /** What every message needs of this writer. */
  readonly #records: RecordContext;
  readonly #waitingMs: number;
  readonly #gatherMs: number;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  #waiting: WaitingRecord[] = [];
  /** Of {@link #inFlight} those that are groups: a large message in a segment of its own keeps nobody waiting. */
  #groupsInFlight = 0;
  #isFlushDue = false;
  #patience: NodeJS.Timeout | undefined;
  /** Messages that are worth waiting for, in the order in which they began, and when that was. */
  readonly #comingIn = new Map<RecordWriter, number>();
  /** Ends the wait of a group for others. */
  #gathering: NodeJS.Timeout | undefined;

  constructor(store: ObjectStore, options: SegmentWriterOptions) {
    const chosen = {
      ...defaults,
      putsInFlight: folderOf(store) === undefined ? 2 : 1,
      now: Date.now,
      ...options,
    };
    const { deadlineMs, refusalMs, undecidedMs, largeAboveBytes } = chosen;
    this.#store = store;
    this.#budget = new BufferBudget(chosen.bufferBytes);
    this.#limits = { deadlineMs, refusalMs, undecidedMs };
    this.#recordsPerSegment = chosen.recordsPerSegment;
    this.#bytesPerSegment = chosen.bytesPerSegment;
    this.#putsInFlight = chosen.putsInFlight;
    this.#waitingMs = chosen.waitingMs;
    this.#gatherMs = chosen.gatherMs;
    this.#now = chosen.now;
    this.#records = {
      budget: this.#budget,
      largeAboveBytes,
      enqueue: (record) => this.#enqueue(record),
      leave: (record) => this.#leave(record),
      beginLarge: () => this.#beginLarge(),
      track: (work) => this.#track(work),
    };
  }

  begin(): RecordWriter {
    const record = beginRecord(this.#records);
    this.#comingIn.set(record, performance.now());
    return record;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    while (this.#waiting.length > 0 || this.#inFlight.size > 0) {
      this.#flush();
      await Promise.allSettled(this.#inFlight);
    }
    clearTimeout(this.#patience);
    clearTimeout(this.#gathering);
  }

  #beginLarge(): LargeRecord {
    return new LargeRecord({
      store: this.#store,
      key: newSegmentKey(this.#now()),
      limits: this.#limits,
      signal: this.#stop.signal,
    });
  }

  #enqueue(record: WaitingRecord): void {
    this.#waiting.push(record);
    this.#patience ??= setTimeout(() => this.#refuseWaiting(), this.#waitingMs).unref();
    this.#flushSoon();
  }

  #leave(record: RecordWriter): void {
    this.#comingIn.delete(record);
    // Whoever waits may have waited for this one, which does not come.
    if (this.#comingIn.size === 0 && this.#waiting.length > 0) this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushDue || this.#groupsInFlight >= this.#putsInFlight) return;
    // At the end of this turn of the event loop: messages that ended in the same turn share the segment.
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  /** Refuses those who have waited too long, and looks again while there are others. */
  #refuseWaiting(): void {
    this.#patience = undefined;
    const beforeMs = performance.now() - this.#waitingMs;
    const late = this.#waiting.filter(({ sinceMs }) => sinceMs <= beforeMs);
    if (late.length > 0) this.#waiting = this.#waiting.filter(({ sinceMs }) => sinceMs > beforeMs);
    for (const { reject } of late)
      reject(new SpoolUnavailableError('PUTs before it have no answer', { effect: 'none' }));
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#patience = setTimeout(() => this.#refuseWaiting(), Math.max(50, next.sinceMs - beforeMs)).unref();
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#groupsInFlight < this.#putsInFlight && !this.#isGathering()) {
      this.#groupsInFlight += 1;
      this.#track(this.#commitGroup(this.#takeGroup()));
    }
  }

  /** True while it is worth waiting for more messages; then a timer flushes at the latest. */
  #isGathering(): boolean {
    const [oldest] = this.#waiting;
    const isFull = this.#waiting.length >= this.#recordsPerSegment;
    if (oldest === undefined || isFull || this.#stop.signal.aborted) return false;
    const nowMs = performance.now();
    const restMs = oldest.sinceMs + this.#gatherMs - nowMs;
    if (restMs <= 0 || !this.#isAnyComingIn(nowMs)) return false;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#flush();
    }, restMs);
    return true;
  }

  #isAnyComingIn(nowMs: number): boolean {
    for (const [record, sinceMs] of this.#comingIn) {
      if (nowMs - sinceMs <= this.#gatherMs * slowFactor) return true;
      this.#comingIn.delete(record);
    }
    return false;
  }

  #track(work: Promise<void>): void {
    this.#inFlight.add(work);
    const done = () => {
      this.#inFlight.delete(work);
      this.#flush();
    };
    work.then(done, done);
  }

  #takeGroup(): WaitingRecord[] {
    let bytes = 0;
    let count = 0;
    for (const record of this.#waiting) {
      if (
        count === this.#recordsPerSegment ||
        (count > 0 && bytes + record.place.bytes > this.#bytesPerSegment)
      )
        break;
      bytes += record.place.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commitGroup(group: readonly WaitingRecord[]): Promise<void> {
    const key = newSegmentKey(this.#now());
    const parts: Uint8Array[] = [];
    const entries: string[] = [];
    const promises: (() => void)[] = [];
    let offset = 0;
    for (const { pieces, place, envelopeText, resolve } of group) {
      const body = { key, offset, ...place };
      parts.push(...pieces);
      entries.push(formatIndexEntry(body, envelopeText));
      promises.push(() => resolve(body));
      offset += place.bytes;
    }
    const end = encodeSegmentEnd(offset, entries);
    parts.push(end);
    try {
      const object = {
        key,
        bytes: totalBytes(parts),
        footer: end.subarray(-footerBytes),
        write: (deadlineMs: number) => this.#store.create(key, parts, deadlineMs),
      };
      await commitObject(this.#store, object, this.#limits, this.#stop.signal);
      for (const keepPromise of promises) keepPromise();
    } catch (error) {
      for (const record of group) record.reject(error);
    } finally {
      this.#groupsInFlight -= 1;
    }
  }
}
