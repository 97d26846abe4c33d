/**
 * Transparency of DATA (RFC 5321 section 4.5.2), over chunks as they come: no copies (results are views of the chunks) and
 * no loop per octet (the native search for `.` jumps). State crosses chunk boundaries anywhere, also inside CRLF.
 *
 * Sending: a dot after any LF is doubled, not only after CRLF. Content that we accepted has no bare LF unless it came
 * by BDAT; there a lenient next hop would take LF.CRLF for the end of data (SMTP smuggling), so safety wins over the octet.
 */
const dot = 0x2e;
const cr = 0x0d;
const lf = 0x0a;

const endAfterCrlf = Uint8Array.of(dot, cr, lf);
const endInsideLine = Uint8Array.of(cr, lf, dot, cr, lf);

/** Encodes content for DATA. One instance per message. */
export class DotEncoder {
  /** Last two octets written; a message starts as if after CRLF. */
  #beforeLast = cr;
  #last = lf;

  /** Returns the slices to write, in order; they are views of `chunk`. */
  encode(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length === 0) return [];
    const slices: Uint8Array[] = [];
    let start = 0;
    let at = chunk.indexOf(dot);
    while (at !== -1) {
      const previous = at === 0 ? this.#last : chunk[at - 1];
      if (previous === lf) {
        // The slice ends with the dot, the next one starts with the same dot: doubled without an octet of our own.
        slices.push(chunk.subarray(start, at + 1));
        start = at;
      }
      at = chunk.indexOf(dot, at + 1);
    }
    slices.push(start === 0 ? chunk : chunk.subarray(start));
    this.#beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] ?? 0) : this.#last;
    this.#last = chunk[chunk.length - 1] ?? 0;
    return slices;
  }

  /** The end of data: `.CRLF`, after a CRLF of ours when the content did not end with one. */
  finish(): Uint8Array {
    return this.#beforeLast === cr && this.#last === lf ? endAfterCrlf : endInsideLine;
  }
}

/** What {@link DotDecoder.decode} found in a chunk. */
export interface DotDecoded {
  /** Content octets, in order. Views of the chunk, or of constants for octets held back at a boundary. */
  readonly slices: Uint8Array[];
  /** Octets of the chunk that belong to this message; the rest are commands. Equal to its length unless `isEnd`. */
  readonly consumedBytes: number;
  readonly isEnd: boolean;
}

/**
 * Where the decoder stands: inside a line; after its CR; at the start of a line; after the dot there; after dot and CR.
 */
type Position = 'line' | 'cr' | 'start' | 'dot' | 'dot-cr';

const carriageReturn = Uint8Array.of(cr);

/**
 * Decodes DATA: only CRLF.CRLF ends it, a dot is removed at the start of a line only after CRLF; bare CR and LF are content.
 * One instance per message.
 */
export class DotDecoder {
  #position: Position = 'start';

  decode(chunk: Uint8Array): DotDecoded {
    const slices: Uint8Array[] = [];
    let index = 0;
    while (index < chunk.length) {
      if (this.#position === 'line') {
        const end = chunk.indexOf(cr, index);
        const stop = end === -1 ? chunk.length : end + 1;
        slices.push(chunk.subarray(index, stop));
        if (end !== -1) this.#position = 'cr';
        index = stop;
      } else {
        const octet = chunk[index] ?? 0;
        if (this.#position === 'dot-cr' && octet === lf) {
          return { slices, consumedBytes: index + 1, isEnd: true };
        }
        index = this.#step(octet, index, chunk, slices);
      }
    }
    return { slices, consumedBytes: chunk.length, isEnd: false };
  }

  /** Takes one octet near a line boundary; returns the index of the next octet to look at. */
  #step(octet: number, index: number, chunk: Uint8Array, slices: Uint8Array[]): number {
    switch (this.#position) {
      case 'start':
        this.#position = octet === dot ? 'dot' : 'line';
        return octet === dot ? index + 1 : index;
      case 'dot':
        this.#position = octet === cr ? 'dot-cr' : 'line';
        return octet === cr ? index + 1 : index;
      case 'dot-cr':
        // `.CR` without LF: the dot was removed, the CR is content; look at this octet again after a CR.
        slices.push(carriageReturn);
        this.#position = 'cr';
        return index;
      default:
        if (octet === lf) {
          slices.push(chunk.subarray(index, index + 1));
          this.#position = 'start';
          return index + 1;
        }
        this.#position = 'line';
        return index;
    }
  }
}
