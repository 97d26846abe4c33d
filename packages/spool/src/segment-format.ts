/**
 * The format of a segment, version 1: contents back to back, then the index, then a footer of 64 octets. It is written in one pass,
 * because what is not known before the end stands at the end; every octet is covered by a SHA-256, so a flipped bit is found.
 *
 *   contents   octets as received (CRLF line ends, no dot-stuffing)
 *   index      UTF-8 JSON {"version":1,"records":[{offset,bytes,headerBytes,sha256,envelope}, ...]}
 *   footer     u64 offset of the index | u32 length of the index | u32 number of records |
 *              SHA-256 of (index, the 16 octets before) | 8 zero octets | "RPSEG\0\0\1"       (big-endian)
 *
 * An object of no octets is a void: it keeps a name from ever appearing (durability rule 2) and holds no records.
 */
import { createHash, hash } from 'node:crypto';
import { BodyRef, Envelope } from '@railpost/mail';
import { z } from 'zod';
import { ContentCorruptError } from './errors.ts';
import { type ObjectStore, totalBytes } from './object-store.ts';

/** One message of a segment. */
export interface SegmentRecord {
  readonly envelope: Envelope;
  readonly body: BodyRef;
}

/** Where a content stands in its segment. */
export type ContentPlace = Omit<BodyRef, 'key'>;

/** What the footer says. */
export interface SegmentFooter {
  readonly indexOffset: number;
  readonly indexBytes: number;
  readonly recordCount: number;
  readonly checksum: Uint8Array;
}

/** Length of the footer in octets. */
export const footerBytes = 64;

const magic = Buffer.from('RPSEG\0\0\x01', 'latin1');
const tailBytes = 64 * 1024;
const joinedBytes = 32 * 1024;

const SegmentIndex = z.object({
  version: z.literal(1),
  records: z.array(BodyRef.omit({ key: true }).extend({ envelope: Envelope })),
});

/** One entry of the index, as JSON text. @param envelope may be JSON text already */
export function formatIndexEntry(place: ContentPlace, envelope: Envelope | string): string {
  const { offset, bytes, headerBytes, sha256 } = place;
  const text = typeof envelope === 'string' ? envelope : JSON.stringify(envelope);
  return `${JSON.stringify({ offset, bytes, headerBytes, sha256 }).slice(0, -1)},"envelope":${text}}`;
}

/** Index and footer behind `contentBytes` octets of contents. */
export function encodeSegmentEnd(contentBytes: number, entries: readonly string[]): Buffer {
  const index = Buffer.from(`{"version":1,"records":[${entries.join(',')}]}`, 'utf8');
  const end = Buffer.alloc(index.length + footerBytes);
  index.copy(end);
  const footer = end.subarray(index.length);
  footer.writeBigUInt64BE(BigInt(contentBytes), 0);
  footer.writeUInt32BE(index.length, 8);
  footer.writeUInt32BE(entries.length, 12);
  checksumOf(index, footer).copy(footer, 16);
  magic.copy(footer, footerBytes - magic.length);
  return end;
}

/** Parses the last 64 octets of a segment of `sizeBytes` octets. @throws ContentCorruptError */
export function decodeFooter(key: string, sizeBytes: number, octets: Uint8Array): SegmentFooter {
  const footer = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  if (footer.length !== footerBytes || !footer.subarray(48).equals(Buffer.concat([Buffer.alloc(8), magic]))) {
    throw new ContentCorruptError(key, 'not a segment of version 1');
  }
  const indexOffset = Number(footer.readBigUInt64BE(0));
  const indexBytes = footer.readUInt32BE(8);
  if (indexOffset + indexBytes + footerBytes !== sizeBytes) {
    throw new ContentCorruptError(key, 'lengths in the footer do not fit the size of the object');
  }
  return { indexOffset, indexBytes, recordCount: footer.readUInt32BE(12), checksum: footer.subarray(16, 48) };
}

/** Parses an index after checking it against the footer. @throws ContentCorruptError */
export function decodeIndex(key: string, footer: SegmentFooter, index: Uint8Array): SegmentRecord[] {
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64BE(BigInt(footer.indexOffset), 0);
  lengths.writeUInt32BE(footer.indexBytes, 8);
  lengths.writeUInt32BE(footer.recordCount, 12);
  if (!checksumOf(index, lengths).equals(footer.checksum)) {
    throw new ContentCorruptError(key, 'checksum of the index differs');
  }
  const { records } = parseIndex(key, index);
  const isInside = records.every(
    (each) => each.offset >= 0 && each.offset + each.bytes <= footer.indexOffset,
  );
  if (records.length !== footer.recordCount || !isInside) {
    throw new ContentCorruptError(key, 'the index does not fit the segment');
  }
  return records.map(({ envelope, ...place }) => ({ envelope, body: { key, ...place } }));
}

/**
 * Reads what a segment holds without reading the contents: one or two requests, and one more when its size is not known. A void holds nothing.
 * @param sizeBytes as a listing gave it
 * @throws ObjectMissingError, ContentCorruptError, SpoolUnavailableError
 */
export async function readSegment(
  store: ObjectStore,
  key: string,
  sizeBytes?: number,
): Promise<{ readonly records: readonly SegmentRecord[] }> {
  const found = await readIndexOctets(store, key, sizeBytes ?? (await store.size(key)));
  return { records: found === undefined ? [] : decodeIndex(key, found.footer, found.index) };
}

/** The index as it stands in the object, not checked yet; undefined for a void. @throws as {@link readSegment} */
export async function readIndexOctets(
  store: ObjectStore,
  key: string,
  size: number,
): Promise<{ readonly footer: SegmentFooter; readonly index: Uint8Array } | undefined> {
  if (size === 0) return undefined;
  const tailStart = Math.max(0, size - tailBytes);
  const tail = await store.read(key, { offset: tailStart, bytes: size - tailStart });
  const footer = decodeFooter(key, size, tail.subarray(-footerBytes));
  const index =
    footer.indexOffset >= tailStart
      ? tail.subarray(footer.indexOffset - tailStart, -footerBytes)
      : await store.read(key, { offset: footer.indexOffset, bytes: footer.indexBytes });
  return { footer, index };
}

/** SHA-256 of a content given in pieces, lower-case hex. */
export function hashContent(pieces: readonly Uint8Array[]): string {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return hash('sha256', only);
  // A hash in one call costs less than a hash object, also with the copy.
  if (totalBytes(pieces) <= joinedBytes) return hash('sha256', Buffer.concat(pieces));
  const digest = createHash('sha256');
  for (const piece of pieces) digest.update(piece);
  return digest.digest('hex');
}

function checksumOf(index: Uint8Array, footer: Uint8Array): Buffer {
  return createHash('sha256').update(index).update(footer.subarray(0, 16)).digest();
}

function parseIndex(key: string, index: Uint8Array): z.infer<typeof SegmentIndex> {
  try {
    return SegmentIndex.parse(JSON.parse(Buffer.from(index).toString('utf8')));
  } catch (error) {
    throw new ContentCorruptError(key, 'the index cannot be read', error);
  }
}
