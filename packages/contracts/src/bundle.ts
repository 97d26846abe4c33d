/**
 * Several records in one bus message: records of one stream that are published in the same moment are stored, synced, delivered
 * and acknowledged together, at the price of one. Every record keeps the subject that it would have had alone; the bus message
 * has the subject of the first. Layout: "RPB" 0x01, u32 number of records, then for each u16 length of its subject, u32 length of
 * its payload, subject (ASCII), payload; big-endian. No record begins like that: a frame (frame.ts) with 1.4 GB of head, no JSON.
 *
 * Whoever reads INCOMING or ACTIVE takes each bus message apart with {@link unbundle}; one that is no bundle is its own only record.
 */
import { decodeLatin1, writeAscii } from '@railpost/mail';

/** One record of a bundle. */
export interface BundledRecord {
  readonly subject: string;
  readonly payload: Uint8Array;
}

const mark = Uint8Array.of(0x52, 0x50, 0x42, 0x01);
const headBytes = 8;
const memberHeadBytes = 6;

/** Joins records. */
export function encodeBundle(records: readonly BundledRecord[]): Uint8Array {
  let bytes = headBytes;
  for (const { subject, payload } of records) bytes += memberHeadBytes + subject.length + payload.length;
  const bundle = new Uint8Array(bytes);
  const view = new DataView(bundle.buffer);
  bundle.set(mark);
  view.setUint32(mark.length, records.length);
  let at = headBytes;
  for (const { subject, payload } of records) {
    view.setUint16(at, subject.length);
    view.setUint32(at + 2, payload.length);
    at += memberHeadBytes;
    writeAscii(subject, bundle, at);
    at += subject.length;
    bundle.set(payload, at);
    at += payload.length;
  }
  return bundle;
}

/**
 * The records of a bus message; payloads are views, not copies. Never throws: what is no whole bundle is one record, for its
 * consumer to call corrupt.
 */
export function unbundle(subject: string, payload: Uint8Array): readonly BundledRecord[] {
  return isBundle(payload) ? (takeApart(payload) ?? [{ subject, payload }]) : [{ subject, payload }];
}

function isBundle(payload: Uint8Array): boolean {
  return payload.length >= headBytes && mark.every((octet, index) => payload[index] === octet);
}

/** Undefined when lengths do not add up. */
function takeApart(bundle: Uint8Array): BundledRecord[] | undefined {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.length);
  const count = view.getUint32(mark.length);
  const records: BundledRecord[] = [];
  let at = headBytes;
  while (records.length < count && at + memberHeadBytes <= bundle.length) {
    const subjectEnd = at + memberHeadBytes + view.getUint16(at);
    const end = subjectEnd + view.getUint32(at + 2);
    if (end > bundle.length) return undefined;
    records.push({
      subject: decodeLatin1(bundle.subarray(at + memberHeadBytes, subjectEnd)),
      payload: bundle.subarray(subjectEnd, end),
    });
    at = end;
  }
  return count > 0 && records.length === count && at === bundle.length ? records : undefined;
}
