/**
 * One SMTP command line (RFC 5321 section 2.4, 4.1.1): octets in, verb and argument out. Tolerant as Postfix: leading and
 * trailing white space is dropped, the verb is taken in any case. Knows no verbs; never fails. Cost is linear; the engine
 * bounds the length of a line.
 */
import { decodeLatin1, decodeUtf8, encodeUtf8 } from '../bytes.ts';

/** A command line without its line end. */
export interface CommandLine {
  /** Upper-case verb; empty for an empty line. Holds whatever stood before the first white space. */
  readonly verb: string;
  /** Everything after the verb, without white space around it. UTF-8 when the octets are, else one code unit per octet. */
  readonly argument: string;
  /** What kind of octets the argument holds; `other` is neither ASCII nor well-formed UTF-8. */
  readonly charset: 'ascii' | 'utf-8' | 'other';
  /** A NUL stood in the line (RFC 5321 section 4.1.1: not allowed; Postfix: 500 5.5.2). */
  readonly hasNul: boolean;
}

/** Parses a command line given without CRLF. */
export function parseCommandLine(line: Uint8Array): CommandLine {
  const { text, charset } = decodeLine(line);
  const trimmed = trimWhiteSpace(text);
  const end = indexOfWhiteSpace(trimmed);
  return {
    verb: asciiUpperCase(end === -1 ? trimmed : trimmed.slice(0, end)),
    argument: end === -1 ? '' : trimWhiteSpace(trimmed.slice(end)),
    charset,
    hasNul: line.includes(0),
  };
}

function decodeLine(line: Uint8Array): { text: string; charset: CommandLine['charset'] } {
  const latin1 = decodeLatin1(line);
  if (isAscii(latin1)) return { text: latin1, charset: 'ascii' };
  const text = decodeUtf8(line);
  return isSame(encodeUtf8(text), line) ? { text, charset: 'utf-8' } : { text: latin1, charset: 'other' };
}

/** True when all code units are below 128. */
export function isAscii(text: string): boolean {
  return !/[^\u0000-\u007f]/.test(text);
}

/** Upper-cases a-z only: `ı`, `ſ` and their like must not become letters of a keyword. */
export function asciiUpperCase(text: string): string {
  // Most clients write their verbs so.
  if (isUpperCase(text)) return text;
  return isAscii(text) ? text.toUpperCase() : text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function isUpperCase(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x41 || code > 0x5a) return false;
  }
  return true;
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((octet, index) => octet === right[index]);
}

/** Space, and HT, LF, VT, FF, CR. */
function isWhiteSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** Drops SMTP white space at both ends. Loops, because `\s+$` is quadratic on hostile input. */
export function trimWhiteSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** Index of the first white space, or -1. */
export function indexOfWhiteSpace(text: string): number {
  for (let index = 0; index < text.length; index += 1) {
    if (isWhiteSpace(text.charCodeAt(index))) return index;
  }
  return -1;
}
