/**
 * The header section of a message (RFC 5322 section 2.1, 3.6) as octet offsets over the stored content: where it ends,
 * found while chunks stream by, and where each field lies. Tolerant as Postfix: lines end in CRLF or LF, white space may
 * stand before the colon, and the first line that is neither a field, nor its continuation, nor empty ends the section
 * and is the first line of the body. Never fails; linear time.
 */
import { decodeLatin1 } from '../bytes.ts';
import { asciiLowerCase } from '../rfc5321/address.ts';

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const colon = 0x3a;

/** One header field; offsets count from the start of the content. */
export interface HeaderField {
  /** Lower-case name, without white space. */
  readonly name: string;
  /** First octet of the name. */
  readonly start: number;
  /** First octet after the colon. */
  readonly valueStart: number;
  /** After the line end of the last line. */
  readonly end: number;
}

/** Index of a header section. */
export interface HeaderSection {
  readonly fields: readonly HeaderField[];
  /** After the last field: where missing fields are added. */
  readonly fieldsEnd: number;
  /** First octet of the body; equal to {@link fieldsEnd} when no empty line separates them. */
  readonly bodyStart: number;
}

/** What a line is, judged by its start. */
type LineKind = 'field' | 'continuation' | 'empty' | 'other';

/** Indexes a header section. Octets after its end (there may be any) are not looked at. */
export function parseHeaderSection(octets: Uint8Array): HeaderSection {
  const fields: { name: string; start: number; valueStart: number; end: number }[] = [];
  let at = 0;
  while (at < octets.length) {
    const feed = octets.indexOf(lf, at);
    const end = feed === -1 ? octets.length : feed + 1;
    const { kind, nameEnd, valueStart } = classifyLine(octets, at, end, fields.length > 0);
    if (kind === 'empty') return { fields, fieldsEnd: at, bodyStart: end };
    if (kind === 'other') break;
    const last = fields.at(-1);
    if (kind === 'continuation' && last !== undefined) last.end = end;
    else {
      fields.push({
        name: asciiLowerCase(decodeLatin1(octets.subarray(at, nameEnd))),
        start: at,
        valueStart,
        end,
      });
    }
    at = end;
  }
  return { fields, fieldsEnd: at, bodyStart: at };
}

interface ClassifiedLine {
  readonly kind: LineKind;
  readonly nameEnd: number;
  readonly valueStart: number;
}

function classifyLine(octets: Uint8Array, start: number, end: number, hasFields: boolean): ClassifiedLine {
  const first = octets[start];
  const none = { nameEnd: start, valueStart: start };
  if (first === lf || (first === cr && octets[start + 1] === lf)) return { kind: 'empty', ...none };
  if (first === space || first === tab) return { kind: hasFields ? 'continuation' : 'other', ...none };
  return classifyField(octets, start, end) ?? { kind: 'other', ...none };
}

/** `name:` or `name :`, or undefined when the line starts otherwise. */
function classifyField(octets: Uint8Array, start: number, end: number): ClassifiedLine | undefined {
  let nameEnd = start;
  while (nameEnd < end && isNameOctet(octets[nameEnd] ?? 0)) nameEnd += 1;
  const at = skipBlanks(octets, nameEnd, end);
  if (nameEnd === start || octets[at] !== colon || at >= end) return undefined;
  return { kind: 'field', nameEnd, valueStart: at + 1 };
}

function skipBlanks(octets: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (octets[at] === space || octets[at] === tab)) at += 1;
  return at;
}

/** RFC 5322 section 2.2: printable ASCII except the colon. */
function isNameOctet(octet: number): boolean {
  return octet > space && octet < 0x7f && octet !== colon;
}

/**
 * Finds the end of the header section while the content streams by. One instance per message.
 * The answer is what `BodyRef.headerBytes` holds: the octets up to and including the empty line, or up to the line that
 * is no header; the whole content when it ends before that.
 */
export class HeaderEndFinder {
  /** Octets of whole lines before the present one. */
  #lineStart = 0;
  #offset = 0;
  /** How far the present line has been understood. */
  #state: 'start' | 'start-cr' | 'name' | 'name-space' | 'rest' = 'start';
  #hasFields = false;
  #headerBytes: number | undefined;

  /** Length of the header section once known. */
  get headerBytes(): number | undefined {
    return this.#headerBytes;
  }

  /** Takes the next octets; returns {@link headerBytes}. Octets after the end cost nothing. */
  push(chunk: Uint8Array): number | undefined {
    let index = 0;
    while (index < chunk.length && this.#headerBytes === undefined) {
      if (this.#state === 'rest') {
        const feed = chunk.indexOf(lf, index);
        if (feed === -1) break;
        index = feed + 1;
        this.#lineStart = this.#offset + index;
        this.#state = 'start';
      } else {
        this.#step(chunk[index] ?? 0, this.#offset + index);
        index += 1;
      }
    }
    this.#offset += chunk.length;
    return this.#headerBytes;
  }

  /** The content is at its end: the length of its header section. */
  finish(): number {
    const isWholeLine = this.#state === 'start' || this.#state === 'rest';
    this.#headerBytes ??= isWholeLine ? this.#offset : this.#lineStart;
    return this.#headerBytes;
  }

  #step(octet: number, at: number): void {
    switch (this.#state) {
      case 'start':
        this.#startLine(octet, at);
        return;
      case 'start-cr':
        this.#headerBytes = octet === lf ? at + 1 : this.#lineStart;
        return;
      default:
        this.#name(octet);
    }
  }

  #startLine(octet: number, at: number): void {
    if (octet === lf) this.#headerBytes = at + 1;
    else if (octet === cr) this.#state = 'start-cr';
    else if ((octet === space || octet === tab) && this.#hasFields) this.#state = 'rest';
    else if (isNameOctet(octet)) this.#state = 'name';
    else this.#headerBytes = this.#lineStart;
  }

  #name(octet: number): void {
    if (octet === colon) {
      this.#hasFields = true;
      this.#state = 'rest';
    } else if (octet === space || octet === tab) this.#state = 'name-space';
    else if (this.#state === 'name-space' || !isNameOctet(octet)) this.#headerBytes = this.#lineStart;
  }
}

/** The value of a field as one line: unfolded, without white space around it. One code unit per octet. */
export function fieldValue(octets: Uint8Array, field: HeaderField): string {
  return decodeLatin1(octets.subarray(field.valueStart, field.end)).replace(/\r?\n/g, '').trim();
}
