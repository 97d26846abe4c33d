/**
 * INCOMING record: a message for which we answered 250, before cleanup.
 * Producer: smtp-ingress, bounce, recovery. Consumer: cleanup (durable `cleanup`, shared). Subject `rp.in.<queueId>`.
 * Order: none. Duplicates: possible at any time; msgID is `<queueId>/<attempt>` (durability rule 19) and cleanup is
 * idempotent. The header section stands in the frame's octets unless the record would exceed 512 KiB: then the octets are
 * empty, `headerInline` is false, and cleanup reads the first `body.headerBytes` octets from the spool.
 */
import { BodyRef, Envelope } from '@railpost/mail';
import { z } from 'zod';
import { decodeFrame, encodeFrame, encodeTextFrame } from './frame.ts';

/** Above this many octets of frame the header section stays in the spool (NATS carries 1 MB per message). */
export const incomingRecordLimitBytes: number = 512 * 1024;

/** What recovery knows of one original recipient of a re-enqueued message (durability rule 14). */
export const RecipientHistory = z.object({
  orig: z.number(),
  done: z.array(z.string()),
  isHeld: z.boolean(),
  /** True: nothing is owed to this original any more, whatever it expands to today; `done` need not name its finals. */
  isComplete: z.boolean().optional(),
});
export type RecipientHistory = z.infer<typeof RecipientHistory>;

/** Head of the record; see the file comment for the octets. */
export const IncomingRecord = z.object({
  version: z.literal(1),
  envelope: Envelope,
  body: BodyRef,
  /** 0 from ingress; from recovery and repair the seconds since the epoch of their decision, so it grows (rule 19). */
  attempt: z.number(),
  headerInline: z.boolean(),
  history: z.array(RecipientHistory).optional(),
});
export type IncomingRecord = z.infer<typeof IncomingRecord>;

/** Encodes the record; drops the inline header section when it is too large. */
export function encodeIncomingRecord(
  record: Omit<IncomingRecord, 'headerInline'>,
  headerSection: Uint8Array,
): Uint8Array {
  const inline = encodeFrame({ ...record, headerInline: true }, headerSection);
  if (inline.length <= incomingRecordLimitBytes) return inline;
  return encodeFrame({ ...record, headerInline: false }, new Uint8Array(0));
}

/**
 * Encodes a first attempt whose envelope is JSON text already: what {@link encodeIncomingRecord} makes of it, octet for octet.
 */
export function encodeIncomingText(envelope: string, body: BodyRef, headerSection: Uint8Array): Uint8Array {
  const start = `{"version":1,"envelope":${envelope},"body":${JSON.stringify(body)},"attempt":0,"headerInline":`;
  const inline = encodeTextFrame(`${start}true}`, headerSection);
  if (inline.length <= incomingRecordLimitBytes) return inline;
  return encodeTextFrame(`${start}false}`, new Uint8Array(0));
}

/** Encodes a record whose header section stays in the spool: who puts a message back has not read it. */
export function encodeIncomingHead(record: Omit<IncomingRecord, 'headerInline'>): Uint8Array {
  return encodeFrame({ ...record, headerInline: false }, new Uint8Array(0));
}

/** Decodes a record. @throws when the bytes are not an INCOMING record (the caller moves it to CORRUPT) */
export function decodeIncomingRecord(bytes: Uint8Array): {
  readonly record: IncomingRecord;
  readonly headerSection: Uint8Array | undefined;
} {
  const { head, octets } = decodeFrame(bytes);
  const record = IncomingRecord.parse(head);
  return { record, headerSection: record.headerInline ? octets : undefined };
}
