/**
 * Takes one file out of a zip archive held in memory (PKWARE APPNOTE 4.3), as far as Python wheels need it: stored or
 * deflated entries, no encryption, no zip64. The archive has been held to a checksum before it comes here.
 */
import { inflateRawSync } from 'node:zlib';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const endBytes = 22;
const stored = 0;
const deflated = 8;

/**
 * The content of the first entry whose name matches; undefined when there is none.
 * @param {Buffer} archive
 * @param {RegExp} name
 * @returns {Buffer | undefined}
 */
export function unzipEntry(archive, name) {
  const end = findEnd(archive);
  if (end === undefined) return undefined;
  let position = archive.readUInt32LE(end + 16);
  while (position + 46 <= end && archive.readUInt32LE(position) === entrySignature) {
    const nameBytes = archive.readUInt16LE(position + 28);
    const entryName = archive.toString('utf8', position + 46, position + 46 + nameBytes);
    if (name.test(entryName)) return contentOf(archive, position);
    position += 46 + nameBytes + archive.readUInt16LE(position + 30) + archive.readUInt16LE(position + 32);
  }
  return undefined;
}

/** @param {Buffer} archive */
function findEnd(archive) {
  for (let position = archive.length - endBytes; position >= 0; position -= 1)
    if (archive.readUInt32LE(position) === endSignature) return position;
  return undefined;
}

/**
 * @param {Buffer} archive
 * @param {number} entry offset of its record in the central directory
 */
function contentOf(archive, entry) {
  const method = archive.readUInt16LE(entry + 10);
  const packedBytes = archive.readUInt32LE(entry + 20);
  const local = archive.readUInt32LE(entry + 42);
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(start, start + packedBytes);
  if (method === stored) return packed;
  return method === deflated ? inflateRawSync(packed) : undefined;
}
