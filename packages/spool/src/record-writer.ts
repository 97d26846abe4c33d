/**
 * One message on its way into the spool: pieces in memory while it is small, an upload of its own once it has grown above the limit
 * or memory is short, counted against the memory that all such messages may hold together.
 */
import type { BodyRef, Envelope } from '@railpost/mail';
import type { BufferAccount, BufferBudget } from './buffer-budget.ts';
import type { LargeRecord } from './large-record.ts';
import { type ContentPlace, hashContent } from './segment-format.ts';

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
   * @param envelopeText the envelope as JSON, when the caller has that already
   * @throws SpoolUnavailableError with effect `none`: the message can never appear in the spool (answer 451); with effect `unknown`:
   *   the store has been out of reach for half a minute, or the writer is closing (answer nothing: drop the connection)
   */
  commit(envelope: Envelope, headerBytes: number, envelopeText?: string): Promise<BodyRef>;
  /** Drops the message; nothing of it will ever be in the spool. */
  abort(): void;
}

/** A small message that waits for its segment. */
export interface WaitingRecord {
  readonly pieces: readonly Uint8Array[];
  readonly place: Omit<ContentPlace, 'offset'>;
  /** JSON text. */
  readonly envelopeText: string;
  /** When it began to wait, on the monotonic clock in milliseconds. */
  readonly sinceMs: number;
  readonly resolve: (body: BodyRef) => void;
  readonly reject: (error: unknown) => void;
}

/** What a record needs of its writer. */
export interface RecordContext {
  readonly budget: BufferBudget;
  readonly largeAboveBytes: number;
  enqueue(record: WaitingRecord): void;
  /** Called once for each message, when it is complete, dropped or grown large: no group has to reckon with it any more. */
  leave(record: RecordWriter): void;
  beginLarge(): LargeRecord;
  track(work: Promise<void>): void;
}

/** Begins a message. */
export function beginRecord(context: RecordContext): RecordWriter {
  return new GrowingRecord(context);
}

/** Small until it has grown above the limit or others want its memory, then large for good. */
class GrowingRecord implements RecordWriter {
  readonly #context: RecordContext;
  readonly #account: BufferAccount = { heldBytes: 0, spill: () => this.#spill() };
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #large: LargeRecord | undefined;
  /** Work of writes that had to wait, in order; rejected once one of them has failed. */
  #pending: Promise<void> | undefined;
  #isEnded = false;
  #isAborted = false;
  #hasLeft = false;

  constructor(context: RecordContext) {
    this.#context = context;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#assertOpen();
    if (chunk.length === 0) return undefined;
    this.#bytes += chunk.length;
    if (this.#pending === undefined && this.#isSmall()) {
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

  async commit(envelope: Envelope, headerBytes: number, envelopeText?: string): Promise<BodyRef> {
    this.#assertOpen();
    this.#isEnded = true;
    this.#leave();
    try {
      await this.#pending;
      return await (this.#large === undefined
        ? this.#commitSmall(envelopeText ?? JSON.stringify(envelope), headerBytes)
        : this.#commitLarge(this.#large, envelope, headerBytes));
    } finally {
      this.#release();
    }
  }

  abort(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#leave();
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
    if (!this.#isSmall()) await this.#moveOut();
  }

  #isSmall(): boolean {
    return this.#large === undefined && this.#bytes <= this.#context.largeAboveBytes;
  }

  /** Somebody else needs the memory. */
  #spill(): boolean {
    const isBusy = this.#isEnded || this.#pending !== undefined || this.#pieces.length === 0;
    // What an upload still holds after a write it cannot give back before more has come.
    if (isBusy || this.#large !== undefined) return false;
    void this.#after(this.#moveOut());
    return true;
  }

  async #moveOut(): Promise<void> {
    this.#leave();
    this.#large ??= this.#context.beginLarge();
    const pieces = this.#pieces;
    this.#pieces = [];
    const stillHeld = await this.#large.write(pieces);
    if (this.#account.heldBytes > stillHeld) {
      this.#context.budget.give(this.#account, this.#account.heldBytes - stillHeld);
    }
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#context.leave(this);
  }

  #after(work: Promise<void>): Promise<void> {
    this.#pending = work;
    const forget = () => {
      if (this.#pending === work) this.#pending = undefined;
    };
    // A failure stays, for commit to find; the caller also learns of it by its own promise.
    work.then(forget, () => undefined);
    return work;
  }

  #commitSmall(envelopeText: string, headerBytes: number): Promise<BodyRef> {
    const pieces = this.#pieces;
    const place = { bytes: this.#bytes, headerBytes, sha256: hashContent(pieces) };
    return new Promise((resolve, reject) => {
      this.#context.enqueue({ pieces, place, envelopeText, sinceMs: performance.now(), resolve, reject });
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
