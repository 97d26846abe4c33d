/**
 * Transparency of DATA (RFC 5321 section 4.5.2) for senders, over chunks as they come: no copies (results are views of the chunks) and
 * no loop per octet (the native search for `.` jumps). State crosses chunk boundaries anywhere, also inside CRLF.
 *
 * A dot after any LF is doubled, not only after CRLF. Content that we accepted has no bare LF unless it came
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
