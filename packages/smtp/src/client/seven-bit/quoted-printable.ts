/**
 * Quoted-printable (RFC 2045 section 6.7) for lines that come in pieces: no line of the result is longer than 76
 * characters, and decoding gives back every octet, bare CR and LF included. Lines break where Postfix breaks them, so that
 * the results can be compared.
 */
const fullAbove = 72;

/** Encodes one part, line by line. */
export class QuotedPrintableEncoder {
  #column = 0;

  /**
   * Encodes a piece of a line, without its CRLF.
   * @param isLineEnd true for the last piece: the line break follows, so white space before it is encoded
   */
  encode(piece: Uint8Array, isLineEnd: boolean): string {
    let out = '';
    const last = piece.length - 1;
    for (const [index, octet] of piece.entries()) {
      if (this.#column > fullAbove) {
        out += '=\r\n';
        this.#column = 0;
      }
      const isLast = isLineEnd && index === last;
      const token = isPlain(octet, isLast) ? String.fromCharCode(octet) : escape(octet);
      out += token;
      this.#column += token.length;
    }
    if (isLineEnd) this.#column = 0;
    return out;
  }
}

function isPlain(octet: number, isLast: boolean): boolean {
  if (octet === 0x20 || octet === 0x09) return !isLast;
  return octet > 0x20 && octet < 0x7f && octet !== 0x3d;
}

function escape(octet: number): string {
  return `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
}
