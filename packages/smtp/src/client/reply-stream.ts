/**
 * Replies of one connection, in order, cut out of whatever chunks come. Everything is bounded: a line, a reply, and the
 * number of replies that nobody has asked for yet; a peer that exceeds a bound speaks no SMTP and is hung up on.
 * Has no clock and no socket of its own: the connection pushes chunks, and pulls replies.
 */
import { type Reply, ReplyReader } from '@railpost/mail';

/** Far above RFC 5321's 512 octets: long texts exist; endless ones are an attack. */
const longestLineBytes = 8192;
const longestReplyBytes = 256 * 1024;
const mostWaitingReplies = 256;

/** Why no more replies come. */
export type ReplyEnd =
  | { readonly kind: 'closed'; readonly cause?: unknown }
  | { readonly kind: 'malformed' }
  /** Nothing came in time. */
  | { readonly kind: 'timeout' };

/** Collects replies. After an end, replies that had arrived before it can still be taken. */
export class ReplyStream {
  readonly #reader = new ReplyReader();
  readonly #replies: Reply[] = [];
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #replyBytes = 0;
  #end: ReplyEnd | undefined;
  #waiter: ((reply: Reply | ReplyEnd) => void) | undefined;

  /** Takes octets from the wire. */
  push(chunk: Buffer): void {
    let start = 0;
    while (this.#end === undefined && start < chunk.length) {
      const lineEnd = chunk.indexOf(0x0a, start);
      if (lineEnd === -1) break;
      const line = this.#completeLine(chunk.subarray(start, lineEnd));
      start = lineEnd + 1;
      this.#takeLine(line);
    }
    if (this.#end !== undefined || start === chunk.length) return;
    this.#partial.push(chunk.subarray(start));
    this.#partialBytes += chunk.length - start;
    if (this.#partialBytes > longestLineBytes) this.end({ kind: 'malformed' });
  }

  /** Says that no more octets will come. The first end counts. */
  end(end: ReplyEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#waiter?.(end);
    this.#waiter = undefined;
  }

  /** The next reply, or the end. Only one caller may wait at a time. */
  next(): Reply | ReplyEnd | Promise<Reply | ReplyEnd> {
    const ready = this.#replies.shift() ?? this.#end;
    if (ready !== undefined) return ready;
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }

  /** A reply that has arrived unasked, left where it is. */
  peek(): Reply | undefined {
    return this.#replies[0];
  }

  /** True when octets have arrived that no reply was asked for: after STARTTLS they are an attack (CVE-2011-0411). */
  get hasUnread(): boolean {
    return this.#replies.length > 0 || this.#partialBytes > 0;
  }

  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  #completeLine(rest: Buffer): Buffer {
    if (this.#partialBytes === 0) return rest;
    const line = Buffer.concat([...this.#partial, rest]);
    this.#partial = [];
    this.#partialBytes = 0;
    return line;
  }

  #takeLine(line: Buffer): void {
    this.#replyBytes += line.length + 1;
    const isTooLong = line.length > longestLineBytes || this.#replyBytes > longestReplyBytes;
    const progress = isTooLong ? 'malformed' : this.#reader.push(line.toString('utf8'));
    if (progress === 'more') return;
    if (progress === 'malformed' || this.#replies.length >= mostWaitingReplies) {
      this.end({ kind: 'malformed' });
      return;
    }
    this.#replyBytes = 0;
    if (this.#waiter === undefined) {
      this.#replies.push(progress);
      return;
    }
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter(progress);
  }
}

/** True for a reply, false for an end. */
export function isReply(value: Reply | ReplyEnd): value is Reply {
  return 'code' in value;
}
