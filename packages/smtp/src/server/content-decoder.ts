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
 * Where the next octet stands. Numbers, not names: the loop per octet compares them millions of times. A leading dot has been taken
 * away: after CRLF it may end the data (`dot`), after a bare LF it may not (`dotAfterBareLf`).
 */
const inLine = 0;
const atStart = 1;
const atStartAfterBareLf = 2;
const dotAfterCrlf = 3;
const dotAfterBareLf = 4;

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
  readonly #hasDots: boolean;
  #position = atStart;
  /** A CR was read whose meaning depends on the next octet. */
  #isCrHeld = false;
  #hasBareLineFeed = false;

  /** @param hasDots true for DATA; false for BDAT, where dots are dots and nothing but the last chunk ends the content */
  constructor(hasDots: boolean) {
    this.#hasDots = hasDots;
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
    if (!this.#isCrHeld) return undefined;
    this.#isCrHeld = false;
    return Uint8Array.of(space);
  }

  /** Length of the part that needs no change, from the start of the chunk; moves the position to its end. */
  #cleanPrefix(chunk: Uint8Array): number {
    if (this.#isCrHeld || this.#position > atStart) return 0;
    let start = 0;
    let lines = 0;
    let isLineStart = this.#position === atStart;
    while (start < chunk.length && !(isLineStart && this.#hasDots && chunk[start] === dot)) {
      const carriageReturn = chunk.indexOf(cr, start);
      const lineFeed = chunk.indexOf(lf, start);
      if (lineFeed <= start || carriageReturn !== lineFeed - 1) {
        // An unfinished line, or a bare CR or LF: clean up to the first of them.
        const stop = firstOf(carriageReturn, lineFeed, chunk.length);
        this.#position = isLineStart && stop === start ? atStart : inLine;
        return stop;
      }
      start = lineFeed + 1;
      isLineStart = true;
      lines += 1;
      if (lines === sampledLines && start < sampledLines * shortLineBytes) break;
    }
    if (start > 0) this.#position = atStart;
    return start;
  }

  /** The loop per octet, from `start` to the end of the chunk or of the data. */
  #rewrite(chunk: Uint8Array, start: number, slices: Uint8Array[]): DecodedContent {
    // Worst case: every octet is a bare LF and doubles; a CR held back comes on top.
    const out = Buffer.allocUnsafe((chunk.length - start) * 2 + 1);
    const hasDots = this.#hasDots;
    let length = 0;
    let index = start;
    let position = this.#position;
    let isCrHeld = this.#isCrHeld;
    let hasBareLineFeed = this.#hasBareLineFeed;
    let isEnd = false;
    while (index < chunk.length && !isEnd) {
      const octet = chunk[index] ?? 0;
      index += 1;
      if (octet === lf) {
        isEnd = isCrHeld && position === dotAfterCrlf;
        if (position < dotAfterCrlf) {
          out[length] = cr;
          out[length + 1] = lf;
          length += 2;
        }
        hasBareLineFeed ||= !isCrHeld;
        position = isCrHeld ? atStart : atStartAfterBareLf;
        isCrHeld = false;
        continue;
      }
      if (isCrHeld) {
        out[length] = space;
        length += 1;
        position = inLine;
      }
      isCrHeld = octet === cr;
      if (isCrHeld) continue;
      if (octet === dot && hasDots && (position === atStart || position === atStartAfterBareLf)) {
        position = position === atStart ? dotAfterCrlf : dotAfterBareLf;
        continue;
      }
      out[length] = octet;
      length += 1;
      position = inLine;
    }
    this.#position = position;
    this.#isCrHeld = isCrHeld;
    this.#hasBareLineFeed = hasBareLineFeed;
    if (length > 0) slices.push(out.subarray(0, length));
    return { slices, consumedBytes: index, isEnd };
  }
}

function firstOf(left: number, right: number, otherwise: number): number {
  if (left === -1) return right === -1 ? otherwise : right;
  return right === -1 ? left : Math.min(left, right);
}
