/**
 * Content of DATA and BDAT as it comes over the wire -> content as it is stored. Only CRLF.CRLF ends data: LF.LF, LF.CRLF,
 * CRLF.LF and CR.CR never do (SMTP smuggling); as Postfix normalises, such a lone dot is dropped with its line. Dots are
 * unstuffed (RFC 5321 section 4.5.2), a bare LF becomes CRLF, a bare CR a space. State crosses chunk boundaries anywhere.
 *
 * Speed: a chunk without anything to change passes as it is, found by native searches, two per line; from the first octet
 * to change on, the rest of that chunk goes through a loop per octet into one new buffer, so that hostile input (a chunk
 * of nothing but LF or dots) costs a few nanoseconds an octet and no slices.
 */
const lf = 0x0a;
const cr = 0x0d;
const dot = 0x2e;
const space = 0x20;

/**
 * Where the next octet stands. Numbers, because the loop per octet looks them up: in a line; at the start of a line, after CRLF (or the
 * start of the data) or after a bare LF; after a dot there, which has been taken away; after a CR that is held back, in each of
 * those lines.
 */
const inLine = 0;
const atStart = 1;
const atStartAfterBareLf = 2;
const afterDot = 3;
const afterDotAfterBareLf = 4;
const afterCr = 5;
const afterDotCr = 6;
const afterDotCrAfterBareLf = 7;

/** What is done on the way: a held CR becomes a space; a line ends; the octet passes; a bare LF is noted; the data ends. */
const putSpace = 1;
const putLineEnd = 2;
const putOctet = 4;
const noteBareLf = 8;
const endData = 16;

function cell(next: number, actions = 0): number {
  return next | (actions << 3);
}

const bareLf = cell(atStartAfterBareLf, putLineEnd | noteBareLf);
const loneDot = cell(atStartAfterBareLf, noteBareLf);
const octet = cell(inLine, putOctet);
const octetAfterCr = cell(inLine, putSpace | putOctet);
const anotherCr = cell(afterCr, putSpace);

/** Rows: position. Columns: LF, CR, dot, any other octet. */
const transitions: Uint8Array = Uint8Array.from([
  ...[bareLf, cell(afterCr), octet, octet],
  ...[bareLf, cell(afterCr), cell(afterDot), octet],
  ...[bareLf, cell(afterCr), cell(afterDotAfterBareLf), octet],
  ...[loneDot, cell(afterDotCr), octet, octet],
  ...[loneDot, cell(afterDotCrAfterBareLf), octet, octet],
  ...[cell(atStart, putLineEnd), anotherCr, octetAfterCr, octetAfterCr],
  ...[cell(atStart, endData), anotherCr, octetAfterCr, octetAfterCr],
  ...[cell(atStart), anotherCr, octetAfterCr, octetAfterCr],
]);

/** Column of each octet; for BDAT a dot is any other octet. */
function columnsWith(dotColumn: number): Uint8Array {
  const columns = new Uint8Array(256).fill(3);
  columns[lf] = 0;
  columns[cr] = 1;
  columns[dot] = dotColumn;
  return columns;
}

const dataColumns = columnsWith(2);
const chunkColumns = columnsWith(3);

/** A chunk whose lines are shorter than this on average goes through the loop: there a search per line costs more. */
const shortLineBytes = 16;
const sampledLines = 64;

/** What one chunk gave. */
export interface DecodedContent {
  /** Octets to store, in order; views of the chunk, or of a new buffer. Never written to again. */
  readonly slices: readonly Uint8Array[];
  /** Octets of the chunk that belong to this message; the rest are commands. */
  readonly consumedBytes: number;
  /** The end of data was found. */
  readonly isEnd: boolean;
}

/** Decoder of one message. */
export class ContentDecoder {
  readonly #columns: Uint8Array;
  #position = atStart;
  #hasBareLineFeed = false;

  /** @param hasDots true for DATA; false for BDAT, where dots are dots and nothing but the last chunk ends the content */
  constructor(hasDots: boolean) {
    this.#columns = hasDots ? dataColumns : chunkColumns;
  }

  /** A line ended in LF without CR. */
  get hasBareLineFeed(): boolean {
    return this.#hasBareLineFeed;
  }

  /** Takes one chunk. */
  decode(chunk: Uint8Array): DecodedContent {
    const clean = this.#cleanPrefix(chunk);
    if (clean === chunk.length) return { slices: [chunk], consumedBytes: clean, isEnd: false };
    const head = clean === 0 ? [] : [chunk.subarray(0, clean)];
    return this.#rewrite(chunk, clean, head);
  }

  /** BDAT: no more chunks will come. Returns what was held back. */
  finish(): Uint8Array | undefined {
    if (this.#position !== afterCr) return undefined;
    this.#position = inLine;
    return Uint8Array.of(space);
  }

  /** Length of the part that needs no change, from the start of the chunk; moves the position to its end. */
  #cleanPrefix(chunk: Uint8Array): number {
    if (this.#position > atStart) return 0;
    let start = 0;
    let lines = 0;
    while (start < chunk.length && !this.#isStuffed(chunk, start)) {
      const carriageReturn = chunk.indexOf(cr, start);
      const lineFeed = chunk.indexOf(lf, start);
      if (lineFeed <= start || carriageReturn !== lineFeed - 1) {
        // An unfinished line, or a bare CR or LF: clean up to the first of them.
        const stop = firstOf(carriageReturn, lineFeed, chunk.length);
        if (stop > start) this.#position = inLine;
        return stop;
      }
      start = lineFeed + 1;
      this.#position = atStart;
      lines += 1;
      if (lines === sampledLines && start < sampledLines * shortLineBytes) break;
    }
    return start;
  }

  #isStuffed(chunk: Uint8Array, at: number): boolean {
    return this.#position === atStart && chunk[at] === dot && this.#columns === dataColumns;
  }

  /** The loop per octet, from `start` to the end of the chunk or of the data. */
  #rewrite(chunk: Uint8Array, start: number, slices: Uint8Array[]): DecodedContent {
    // Worst case: every octet is a bare LF and doubles; a CR held back comes on top.
    const out = Buffer.allocUnsafe((chunk.length - start) * 2 + 1);
    const columns = this.#columns;
    let length = 0;
    let index = start;
    let position = this.#position;
    let seen = 0;
    while (index < chunk.length && (seen & endData) === 0) {
      const value = chunk[index] ?? 0;
      index += 1;
      const found = transitions[position * 4 + (columns[value] ?? 0)] ?? 0;
      const actions = found >> 3;
      position = found & 7;
      seen |= actions;
      if ((actions & putSpace) !== 0) out[length++] = space;
      if ((actions & putOctet) !== 0) out[length++] = value;
      if ((actions & putLineEnd) !== 0) {
        out[length++] = cr;
        out[length++] = lf;
      }
    }
    this.#position = position;
    if ((seen & noteBareLf) !== 0) this.#hasBareLineFeed = true;
    if (length > 0) slices.push(out.subarray(0, length));
    return { slices, consumedBytes: index, isEnd: (seen & endData) !== 0 };
  }
}

function firstOf(left: number, right: number, otherwise: number): number {
  if (left === -1) return right === -1 ? otherwise : right;
  return right === -1 ? left : Math.min(left, right);
}
