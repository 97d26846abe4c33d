/**
 * Turns 8-bit content into 7-bit content for a server without 8BITMIME (RFC 6152 section 3; Postfix's MIME output conversion):
 * parts that say 8bit or binary and have octets above 127 become quoted-printable, containers and the other such parts are
 * relabelled 7bit. Reads the content twice: first to see which parts need it, then to convert, in constant memory.
 *
 * What does not say that it is 8-bit is not MIME's business and passes as it is, as in Postfix: mail without MIME fields, parts
 * in 7bit, base64 or quoted-printable, preambles, header sections.
 *
 * BUGS: A signature over a converted part breaks, as in Postfix; signed parts are to be 7-bit from the start (RFC 1847).
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

const eightBitEncodings: ReadonlySet<string> = new Set(['8bit', 'binary']);

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

  header(section: string, entity: EntityHeader): void {
    this.#ordinal += 1;
    const isDeclared = eightBitEncodings.has(entity.encoding);
    const mustConvert = entity.kind === 'leaf' && isDeclared && this.#eightBitParts.has(this.#ordinal);
    this.#encoder = mustConvert ? new QuotedPrintableEncoder() : undefined;
    if (mustConvert) this.#write(withEncoding(section, 'quoted-printable'));
    else this.#write(isDeclared ? withEncoding(section, '7bit') : section);
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
