/**
 * Group commit: while PUTs are in flight, finished messages collect; then they go out together as one segment object.
 * Self-clocking: two PUTs in flight, no timer, nothing waits when idle. A message above a megabyte streams into a segment of its own
 * (large-record.ts). Order between messages: none. What a commit promises: see {@link RecordWriter.commit}.
 */
import type { BodyRef, Envelope } from '@railpost/mail';
import { type BufferAccount, BufferBudget } from './buffer-budget.ts';
import { type CommitLimits, commitObject } from './commit-object.ts';
import { LargeRecord } from './large-record.ts';
import { type ObjectStore, totalBytes } from './object-store.ts';
import {
  type ContentPlace,
  encodeSegmentEnd,
  footerBytes,
  formatIndexEntry,
  hashContent,
} from './segment-format.ts';
import { newSegmentKey } from './segment-key.ts';

/** Settings of a segment writer; sizes in octets, times in milliseconds. */
export interface SegmentWriterOptions {
  /** @default 400 */
  readonly recordsPerSegment?: number;
  /** @default 4 MiB */
  readonly bytesPerSegment?: number;
  /** @default 2 */
  readonly putsInFlight?: number;
  /** Above this a message streams into a segment of its own. @default 1 MiB */
  readonly largeAboveBytes?: number;
  /** Bound on all message octets in memory, one overdraft of a part (5 MiB) and a chunk apart. @default 58 MiB */
  readonly bufferBytes?: number;
  /** Time after which a PUT without an answer is given up by a void object. @default 20000 */
  readonly deadlineMs?: number;
  /** Time after which a PUT that is only ever refused is given up. @default 2000 */
  readonly refusalMs?: number;
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

/** One message on its way into the spool. */
export interface RecordWriter {
  /**
   * Takes a piece of the content; the caller must not change the octets afterwards.
   * @returns undefined = go on at once; a promise = go on when it resolves (backpressure)
   * @throws SpoolUnavailableError by the promise: the message cannot be stored now, `commit` will say so too
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /**
   * Ends the content and makes the message durable.
   * @param headerBytes length of the header section within the content
   * @throws SpoolUnavailableError with effect `none`: the message can never appear in the spool (answer 451);
   *   with effect `unknown`, only while closing: answer nothing at all
   */
  commit(envelope: Envelope, headerBytes: number): Promise<BodyRef>;
  /** Drops the message; nothing of it will ever be in the spool. */
  abort(): void;
}

interface WaitingRecord {
  readonly pieces: readonly Uint8Array[];
  readonly place: Omit<ContentPlace, 'offset'>;
  readonly envelope: Envelope;
  resolve(body: BodyRef): void;
  reject(error: unknown): void;
}

/** Opens a writer; one per process, so that its bound on memory holds. */
export function openSegmentWriter(store: ObjectStore, options: SegmentWriterOptions = {}): SegmentWriter {
  return new GroupWriter(store, options);
}

class GroupWriter implements SegmentWriter {
  readonly #store: ObjectStore;
  readonly #budget: BufferBudget;
  readonly #limits: CommitLimits;
  readonly #recordsPerSegment: number;
  readonly #bytesPerSegment: number;
  readonly #putsInFlight: number;
  readonly #largeAboveBytes: number;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  #waiting: WaitingRecord[] = [];
  #isFlushDue = false;

  constructor(store: ObjectStore, options: SegmentWriterOptions) {
    this.#store = store;
    this.#budget = new BufferBudget(options.bufferBytes ?? 58 * 1024 * 1024);
    this.#limits = { deadlineMs: options.deadlineMs ?? 20_000, refusalMs: options.refusalMs ?? 2_000 };
    this.#recordsPerSegment = options.recordsPerSegment ?? 400;
    this.#bytesPerSegment = options.bytesPerSegment ?? 4 * 1024 * 1024;
    this.#putsInFlight = options.putsInFlight ?? 2;
    this.#largeAboveBytes = options.largeAboveBytes ?? 1024 * 1024;
    this.#now = options.now ?? Date.now;
  }

  begin(): RecordWriter {
    return new Record({
      budget: this.#budget,
      largeAboveBytes: this.#largeAboveBytes,
      enqueue: (record) => this.#enqueue(record),
      beginLarge: () =>
        new LargeRecord({
          store: this.#store,
          key: newSegmentKey(this.#now()),
          limits: this.#limits,
          signal: this.#stop.signal,
        }),
      track: (work) => this.#track(work),
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    while (this.#waiting.length > 0 || this.#inFlight.size > 0) {
      this.#flush();
      await Promise.allSettled(this.#inFlight);
    }
  }

  #enqueue(record: WaitingRecord): void {
    this.#waiting.push(record);
    if (this.#isFlushDue || this.#inFlight.size >= this.#putsInFlight) return;
    // At the end of this turn of the event loop: messages that ended in the same turn share the segment.
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#inFlight.size < this.#putsInFlight) {
      this.#track(this.#commitGroup(this.#takeGroup()));
    }
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
    for (const { pieces, place, envelope, resolve } of group) {
      const body = { key, offset, ...place };
      parts.push(...pieces);
      entries.push(formatIndexEntry(body, envelope));
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
    }
  }
}

interface RecordContext {
  readonly budget: BufferBudget;
  readonly largeAboveBytes: number;
  enqueue(record: WaitingRecord): void;
  beginLarge(): LargeRecord;
  track(work: Promise<void>): void;
}

/** Small until it has grown above the limit, then large for good. */
class Record implements RecordWriter {
  readonly #context: RecordContext;
  readonly #account: BufferAccount = { heldBytes: 0 };
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #large: LargeRecord | undefined;
  /** Work of writes that had to wait, in order; rejected once one of them has failed. */
  #pending: Promise<void> | undefined;
  #isEnded = false;
  #isAborted = false;

  constructor(context: RecordContext) {
    this.#context = context;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#assertOpen();
    if (chunk.length === 0) return undefined;
    this.#bytes += chunk.length;
    if (this.#pending === undefined && this.#bytes <= this.#context.largeAboveBytes) {
      const wait = this.#context.budget.take(this.#account, chunk.length);
      if (wait === undefined) {
        this.#pieces.push(chunk);
        return undefined;
      }
      return this.#after(wait.then(() => this.#add(chunk)));
    }
    const earlier = this.#pending ?? Promise.resolve();
    return this.#after(
      earlier.then(() => this.#context.budget.take(this.#account, chunk.length)).then(() => this.#add(chunk)),
    );
  }

  async commit(envelope: Envelope, headerBytes: number): Promise<BodyRef> {
    this.#assertOpen();
    this.#isEnded = true;
    try {
      await this.#pending;
      return await (this.#large === undefined
        ? this.#commitSmall(envelope, headerBytes)
        : this.#commitLarge(this.#large, envelope, headerBytes));
    } finally {
      this.#release();
    }
  }

  abort(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#isAborted = true;
    this.#release();
    const large = this.#large;
    if (large === undefined) return;
    const abandon = () => large.abandon();
    this.#context.track((this.#pending ?? Promise.resolve()).then(abandon, abandon));
  }

  async #add(chunk: Uint8Array): Promise<void> {
    if (this.#isAborted) return this.#release();
    this.#pieces.push(chunk);
    if (this.#bytes <= this.#context.largeAboveBytes) return;
    this.#large ??= this.#context.beginLarge();
    const pieces = this.#pieces;
    this.#pieces = [];
    const stillHeld = await this.#large.write(pieces);
    if (this.#account.heldBytes > stillHeld) {
      this.#context.budget.give(this.#account, this.#account.heldBytes - stillHeld);
    }
  }

  #after(work: Promise<void>): Promise<void> {
    this.#pending = work;
    // The caller learns of a failure by its own promise and by commit; this only keeps Node from calling it unhandled.
    work.catch(() => undefined);
    return work;
  }

  #commitSmall(envelope: Envelope, headerBytes: number): Promise<BodyRef> {
    const pieces = this.#pieces;
    const place = { bytes: this.#bytes, headerBytes, sha256: hashContent(pieces) };
    return new Promise((resolve, reject) => {
      this.#context.enqueue({ pieces, place, envelope, resolve, reject });
    });
  }

  async #commitLarge(large: LargeRecord, envelope: Envelope, headerBytes: number): Promise<BodyRef> {
    const work = large.commit(envelope, headerBytes);
    this.#context.track(work.then(() => undefined));
    return work;
  }

  #release(): void {
    this.#pieces = [];
    this.#context.budget.close(this.#account);
  }

  #assertOpen(): void {
    if (this.#isEnded) throw new Error('the record was ended before');
  }
}
