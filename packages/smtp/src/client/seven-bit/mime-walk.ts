/**
 * Walks through a message and its nested parts (RFC 2046) as octets come, in constant memory: header sections are gathered (up to
 * a bound), bodies pass through in pieces of lines. Boundaries of outer multiparts end inner ones, as broken mail needs it.
 */
import { type EntityHeader, parseEntityHeader } from './entity-header.ts';

/** Who listens. */
export interface MimeListener {
  /** A header section without the empty line that ends it. */
  header(section: string, entity: EntityHeader): void;
  /** The empty line after a header section. */
  headerEnd(): void;
  /** A piece of a line of the body of the entity whose header came last; `isLineEnd` = its CRLF follows. */
  body(piece: Buffer, isLineEnd: boolean): void;
  /** What belongs to no part: boundary lines, preamble, epilogue; CRLF included. */
  outside(octets: Buffer): void;
}

/** Sections and lines longer than this are not looked into: their rest passes as body. */
const longestSectionBytes = 512 * 1024;
const longestLineBytes = 64 * 1024;

type State = 'header' | 'body' | 'outside';

const stateAfterHeader = { leaf: 'body', message: 'header', multipart: 'outside' } as const;

/** Feed it chunks, then finish. */
export class MimeWalker {
  readonly #listener: MimeListener;
  readonly #boundaries: string[] = [];
  #state: State = 'header';
  #section = '';
  #rest: Buffer = Buffer.alloc(0);
  /** True inside a line that was too long to be gathered. */
  #isInsideLine = false;

  constructor(listener: MimeListener) {
    this.#listener = listener;
  }

  push(chunk: Uint8Array): void {
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const all = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    let start = 0;
    for (let end = all.indexOf('\r\n', start); end !== -1; end = all.indexOf('\r\n', start)) {
      this.#line(all.subarray(start, end), true);
      start = end + 2;
    }
    this.#rest = all.subarray(start);
    if (this.#rest.length <= longestLineBytes) return;
    // A CR at the end may be half of a CRLF.
    const usable = this.#rest.at(-1) === 0x0d ? this.#rest.length - 1 : this.#rest.length;
    const piece = this.#rest.subarray(0, usable);
    this.#rest = this.#rest.subarray(usable);
    this.#line(piece, false);
  }

  finish(): void {
    if (this.#rest.length > 0) this.#line(this.#rest, false);
    this.#rest = Buffer.alloc(0);
    if (this.#state === 'header') this.#endSection();
  }

  #line(line: Buffer, isLineEnd: boolean): void {
    const isStart = !this.#isInsideLine;
    this.#isInsideLine = !isLineEnd;
    if (isStart && this.#takeBoundary(line, isLineEnd)) return;
    switch (this.#state) {
      case 'header':
        this.#headerLine(line, isLineEnd);
        return;
      case 'body':
        this.#listener.body(line, isLineEnd);
        return;
      case 'outside':
        this.#listener.outside(withEnd(line, isLineEnd));
    }
  }

  #headerLine(line: Buffer, isLineEnd: boolean): void {
    if (line.length === 0 && isLineEnd) {
      this.#endSection();
      this.#listener.headerEnd();
      return;
    }
    this.#section += withEnd(line, isLineEnd).toString('latin1');
    if (this.#section.length > longestSectionBytes) this.#endSection();
  }

  #endSection(): void {
    const entity = parseEntityHeader(this.#section);
    this.#listener.header(this.#section, entity);
    this.#section = '';
    if (entity.boundary !== undefined) this.#boundaries.push(entity.boundary);
    this.#state = stateAfterHeader[entity.kind];
  }

  /** True when the line is a boundary of an open multipart. */
  #takeBoundary(line: Buffer, isLineEnd: boolean): boolean {
    if (line[0] !== 0x2d || line[1] !== 0x2d || this.#boundaries.length === 0 || line.length > 512)
      return false;
    const text = line.subarray(2).toString('latin1').trimEnd();
    const level = this.#boundaries.findLastIndex((each) => text === each || text === `${each}--`);
    if (level === -1) return false;
    // A part may end inside its header section.
    if (this.#state === 'header') this.#endSection();
    const isClosing = text !== this.#boundaries[level];
    this.#boundaries.length = isClosing ? level : level + 1;
    this.#state = isClosing ? 'outside' : 'header';
    this.#listener.outside(withEnd(line, isLineEnd));
    return true;
  }
}

const lineEnd = Buffer.from('\r\n');

function withEnd(line: Buffer, isLineEnd: boolean): Buffer {
  return isLineEnd ? Buffer.concat([line, lineEnd]) : line;
}
