/**
 * What final delivery writes in front of a message, in the order of Postfix virtual(8): Return-Path (RFC 5321 section 4.4),
 * X-Original-To, Delivered-To; and what it takes away: a Return-Path that the message brought along.
 */
import type { JobRecipient } from '@railpost/contracts';
import { encodeUtf8, parseHeaderSection } from '@railpost/mail';

/** The fields, with CRLF line ends. */
export function traceFields(
  reversePath: string,
  recipient: Pick<JobRecipient, 'original' | 'final'>,
): Uint8Array {
  return encodeUtf8(
    `Return-Path: <${clean(reversePath)}>\r\n` +
      `X-Original-To: ${clean(recipient.original)}\r\n` +
      `Delivered-To: ${clean(recipient.final)}\r\n`,
  );
}

/**
 * Passes content on without the Return-Path fields of its header section, which is gathered first.
 * @param headerBytes length of the header section
 */
export async function* dropReturnPath(
  chunks: AsyncIterable<Uint8Array>,
  headerBytes: number,
): AsyncIterable<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  let isHeader = true;
  for await (const chunk of chunks) {
    if (!isHeader) {
      yield chunk;
      continue;
    }
    gathered.push(chunk);
    bytes += chunk.length;
    if (bytes < headerBytes) continue;
    isHeader = false;
    yield* withoutReturnPath(Buffer.concat(gathered));
    gathered = [];
  }
  if (gathered.length > 0) yield* withoutReturnPath(Buffer.concat(gathered));
}

function withoutReturnPath(octets: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const field of parseHeaderSection(octets).fields) {
    if (field.name !== 'return-path') continue;
    parts.push(octets.subarray(from, field.start));
    from = field.end;
  }
  parts.push(octets.subarray(from));
  return parts.filter((part) => part.length > 0);
}

/** Addresses were parsed long ago; this only makes sure that none can ever write a second field. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what must not pass
  return text.replace(/[\u0000-\u001f\u007f]/g, '?');
}
