/**
 * CRLF to LF, the line end of files: what an IMAP server reading a Maildir undoes. Only what can be undone is done: content with a bare
 * CR or a bare LF (possible with BDAT) is refused, because after the change nobody could tell it from a CRLF. Lines are found by
 * indexOf, never octet by octet in JavaScript.
 */
const lf = 0x0a;
const cr = 0x0d;

/** The content has a CR or LF that is no part of a CRLF; it must be stored as it is. */
export class BareLineEndError extends Error {
  override readonly name = 'BareLineEndError';
}

/** Replaces each CRLF by LF. @throws BareLineEndError at a bare CR or LF; what was yielded is then of no use */
export async function* toLineFeeds(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let endsInCr = false;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (endsInCr && chunk[0] !== lf) throw new BareLineEndError('bare CR');
    const isLastCr = chunk[chunk.length - 1] === cr;
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length - (isLastCr ? 1 : 0));
    yield convert(octets, endsInCr);
    endsInCr = isLastCr;
  }
  if (endsInCr) throw new BareLineEndError('bare CR at the end');
}

/** @param isAfterCr the CR of a first LF stood at the end of the chunk before */
function convert(octets: Buffer, isAfterCr: boolean): Buffer {
  const out = Buffer.allocUnsafe(octets.length);
  let written = 0;
  let from = 0;
  if (isAfterCr) {
    out[0] = lf;
    written = 1;
    from = 1;
  }
  for (;;) {
    const end = octets.indexOf(lf, from);
    const firstCr = octets.indexOf(cr, from);
    if (end === -1) {
      if (firstCr !== -1) throw new BareLineEndError('bare CR');
      written += octets.copy(out, written, from);
      return out.subarray(0, written);
    }
    if (firstCr === -1 || firstCr !== end - 1) throw new BareLineEndError('bare CR or LF');
    written += octets.copy(out, written, from, firstCr);
    out[written] = lf;
    written += 1;
    from = end + 1;
  }
}
