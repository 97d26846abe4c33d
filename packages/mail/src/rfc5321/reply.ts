/**
 * SMTP replies (RFC 5321 section 4.2): formatting for servers, reading line by line for clients. No line that we write is
 * longer than 512 octets (section 4.5.3.1.5); what we read is bounded in lines and octets by {@link ReplyReader}.
 */
import { encodeUtf8 } from '../bytes.ts';
import { splitEnhancedText } from './enhanced-status.ts';

/** Longest reply line in octets, CRLF included. */
export const replyLineLimitBytes = 512;

/** A complete reply. */
export interface Reply {
  readonly code: number;
  /** Enhanced status code of the first line, when it had one of the reply's class. */
  readonly enhanced: string | undefined;
  /** Text of each line, without enhanced status codes. */
  readonly lines: readonly string[];
}

/**
 * Formats a reply with CRLF line ends. Each line repeats the enhanced code (RFC 2034 section 4). Controls in the text
 * become `?`, so that quoted input cannot make lines of its own; long texts go on in further lines.
 */
export function formatReply(
  code: number,
  enhanced: string | undefined,
  text: string | readonly string[],
): string {
  const prefix = enhanced === undefined ? '' : `${enhanced} `;
  const room = replyLineLimitBytes - 6 - prefix.length;
  if (typeof text === 'string' && text.length * 3 <= room) return `${code} ${prefix}${cleanText(text)}\r\n`;
  const lines = (typeof text === 'string' ? [text] : text).flatMap((line) => wrap(cleanText(line), room));
  if (lines.length === 0) lines.push('');
  const last = lines.length - 1;
  return lines.map((line, index) => `${code}${index === last ? ' ' : '-'}${prefix}${line}\r\n`).join('');
}

/** Replaces control characters by `?`. */
export function cleanText(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, '?');
}

/** Breaks at the last space that fits, else between characters; `room` counts UTF-8 octets. */
function wrap(text: string, room: number): string[] {
  if (text.length * 3 <= room || encodeUtf8(text).length <= room) return [text];
  const lines: string[] = [];
  let start = 0;
  while (start < text.length) {
    const fits = countThatFits(text, start, room);
    let end = start + fits;
    const space = end < text.length ? text.lastIndexOf(' ', end) : -1;
    if (space > start) end = space;
    lines.push(text.slice(start, end));
    start = text.charAt(end) === ' ' ? end + 1 : end;
  }
  return lines;
}

function countThatFits(text: string, start: number, room: number): number {
  let octets = 0;
  let index = start;
  while (index < text.length) {
    const point = text.codePointAt(index) ?? 0;
    octets += utf8Length(point);
    if (octets > room) break;
    index += point > 0xffff ? 2 : 1;
  }
  return index - start;
}

function utf8Length(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

/** One line of a reply. */
export interface ReplyLine {
  readonly code: number;
  readonly isLast: boolean;
  readonly text: string;
}

/** Parses one line without CRLF; undefined when it is no reply line. Takes `250` without text, as RFC 5321 asks clients to. */
export function parseReplyLine(line: string): ReplyLine | undefined {
  const found = /^([2-5][0-9]{2})(?:([ -])(.*))?$/s.exec(line);
  if (found === null) return undefined;
  return { code: Number(found[1]), isLast: found[2] !== '-', text: found[3] ?? '' };
}

/** What {@link ReplyReader.push} says: a reply is complete, more lines are needed, or the peer speaks no SMTP. */
export type ReplyProgress = Reply | 'more' | 'malformed';

/** Collects the lines of one reply after the other. Keeps at most 100 lines and 16 KiB of text; what is beyond is dropped. */
export class ReplyReader {
  #code = 0;
  #enhanced: string | undefined;
  #lines: string[] = [];
  #characters = 0;

  /** Takes one line without CRLF (a trailing CR is dropped). After `malformed` the connection should be closed. */
  push(line: string): ReplyProgress {
    const parsed = parseReplyLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (parsed === undefined || (this.#code !== 0 && parsed.code !== this.#code)) return 'malformed';
    const isFirst = this.#code === 0;
    this.#code = parsed.code;
    const { code, text } = splitEnhancedText(parsed.code, parsed.text);
    if (isFirst) this.#enhanced = code;
    this.#characters += text.length;
    if (this.#lines.length < 100 && this.#characters <= 16384) this.#lines.push(text);
    if (!parsed.isLast) return 'more';
    const reply: Reply = { code: this.#code, enhanced: this.#enhanced, lines: this.#lines };
    this.#code = 0;
    this.#enhanced = undefined;
    this.#lines = [];
    this.#characters = 0;
    return reply;
  }
}

/** A reply as one line for logs and Diagnostic-Code fields: `550 5.1.1 unknown user`. */
export function formatReplyText(reply: Reply): string {
  const enhanced = reply.enhanced === undefined ? '' : `${reply.enhanced} `;
  return `${reply.code} ${enhanced}${reply.lines.map(cleanText).join(' ')}`.trimEnd();
}
