/**
 * Turns 8-bit content into 7-bit content for a server without 8BITMIME (RFC 6152 section 3; Postfix's MIME output conversion):
 * parts with octets above 127 become quoted-printable, containers and the other parts are relabelled 7bit where they said 8bit or
 * binary. Reads the content twice: first to see which parts need it, then to convert, in constant memory.
 *
 * BUGS: parts that are already encoded (base64, quoted-printable), preambles and header sections pass as they are, even with 8-bit
 * octets. A signature over a converted part breaks, as in Postfix; signed parts are to be 7-bit from the start (RFC 1847).
 */
import { isAscii } from 'node:buffer';
import { type EntityHeader, withEncoding } from './entity-header.ts';
import { type MimeListener, MimeWalker } from './mime-walk.ts';
import { QuotedPrintableEncoder } from './quoted-printable.ts';

/** @param open opens the content; called twice */
export async function* encodeForSevenBit(open: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const eightBitParts = await findEightBitParts(open());
  const converter = new Converter(eightBitParts);
  const walker = new MimeWalker(converter);
  for await (const chunk of open()) {
    walker.push(chunk);
    yield* converter.take();
  }
  walker.finish();
  yield* converter.take();
}

/** Ordinals (in order of their header sections) of the entities whose own body has octets above 127. */
async function findEightBitParts(content: AsyncIterable<Uint8Array>): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  let ordinal = -1;
  const walker = new MimeWalker({
    header: () => {
      ordinal += 1;
    },
    headerEnd: () => undefined,
    body: (piece) => {
      if (!isAscii(piece)) found.add(ordinal);
    },
    outside: () => undefined,
  });
  for await (const chunk of content) walker.push(chunk);
  walker.finish();
  return found;
}

const identityEncodings: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);

class Converter implements MimeListener {
  readonly #eightBitParts: ReadonlySet<number>;
  #ordinal = -1;
  #encoder: QuotedPrintableEncoder | undefined;
  #out: Buffer[] = [];

  constructor(eightBitParts: ReadonlySet<number>) {
    this.#eightBitParts = eightBitParts;
  }

  /** What is ready to be sent. */
  take(): readonly Buffer[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  header(section: string, entity: EntityHeader, isTop: boolean): void {
    this.#ordinal += 1;
    const isIdentity = identityEncodings.has(entity.encoding);
    const mustConvert = entity.kind === 'leaf' && isIdentity && this.#eightBitParts.has(this.#ordinal);
    this.#encoder = mustConvert ? new QuotedPrintableEncoder() : undefined;
    const mustRelabel = !mustConvert && isIdentity && entity.encoding !== '7bit';
    if (mustConvert) this.#write(withEncoding(section, 'quoted-printable', isTop));
    else this.#write(mustRelabel ? withEncoding(section, '7bit', isTop) : section);
  }

  headerEnd(): void {
    this.#write('\r\n');
  }

  body(piece: Buffer, isLineEnd: boolean): void {
    if (this.#encoder === undefined) this.#out.push(piece);
    else this.#write(this.#encoder.encode(piece, isLineEnd));
    if (isLineEnd) this.#write('\r\n');
  }

  outside(octets: Buffer): void {
    this.#out.push(octets);
  }

  #write(text: string): void {
    if (text !== '') this.#out.push(Buffer.from(text, 'latin1'));
  }
}
