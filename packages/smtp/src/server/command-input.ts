/**
 * Input of one connection: chunks in, command lines or content octets out. Keeps at most one line and the chunk it
 * came in: a line above the limit is discarded as it comes, so its length costs no memory. Lines end at LF; the CR before
 * it is part of the line end (as in Postfix; RFC 5321 section 2.3.8 allows CRLF only, and DATA keeps to that).
 */
const lf = 0x0a;
const cr = 0x0d;
const nothing: Uint8Array = new Uint8Array(0);

/** A line, or that one was too long, or that there is none yet. */
export type LineResult =
  | { readonly kind: 'line'; readonly line: Uint8Array }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'none' };

const none: LineResult = { kind: 'none' };
const tooLong: LineResult = { kind: 'too-long' };

/** Unread input. */
export class CommandInput {
  #pending: Uint8Array = nothing;
  /** Octets at the start of pending that are known to hold no LF. */
  #scannedBytes = 0;
  #isDiscarding = false;

  /** True when there is nothing unread. */
  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** Adds what the socket gave. */
  push(chunk: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** Takes all that is unread, as content. */
  takeAll(): Uint8Array {
    const all = this.#pending;
    this.#pending = nothing;
    this.#scannedBytes = 0;
    return all;
  }

  /** Gives back the end of what takeAll gave: commands after the end of data. */
  giveBack(rest: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? rest : Buffer.concat([rest, this.#pending]);
    this.#scannedBytes = 0;
  }

  /** Takes the next line, without its line end. `limitBytes` counts the line end. */
  nextLine(limitBytes: number): LineResult {
    const end = this.#pending.indexOf(lf, this.#scannedBytes);
    if (end === -1) return this.#keepPartialLine(limitBytes);
    const start = this.#isDiscarding || end + 1 > limitBytes ? -1 : 0;
    const stop = end > 0 && this.#pending[end - 1] === cr ? end - 1 : end;
    const line = start === -1 ? undefined : this.#pending.subarray(0, stop);
    this.#pending = end + 1 === this.#pending.length ? nothing : this.#pending.subarray(end + 1);
    this.#scannedBytes = 0;
    this.#isDiscarding = false;
    return line === undefined ? tooLong : { kind: 'line', line };
  }

  /** Forgets everything (STARTTLS). */
  clear(): void {
    this.#pending = nothing;
    this.#scannedBytes = 0;
    this.#isDiscarding = false;
  }

  #keepPartialLine(limitBytes: number): LineResult {
    if (this.#isDiscarding || this.#pending.length >= limitBytes) {
      this.#isDiscarding = true;
      this.#pending = nothing;
    }
    this.#scannedBytes = this.#pending.length;
    return none;
  }
}
