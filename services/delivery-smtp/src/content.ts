/**
 * The octets of one job as they go to a server: spooled content, with the header edits of cleanup, and in a form that the
 * server takes. Read from the spool once per job, at the first moment somebody wants it.
 */
import { isAscii } from 'node:buffer';
import type { DeliveryJob } from '@railpost/contracts';
import { applyEdits, createEditApplier, editedBytes } from '@railpost/mail';
import { type ContentChunks, encodeForSevenBit } from '@railpost/smtp';
import type { SpooledContent } from '@railpost/spool';

/** The content of one job. All methods reject with the errors of the spool. */
export interface JobContent {
  /** Size in octets with the edits applied, without dot-stuffing and transfer encoding. */
  readonly bytes: number;
  /** Begins to read, for somebody who is going to want it. What goes wrong is told to them. */
  prefetch(): void;
  /** The content as it is; all chunks at once when it is in memory as a whole. */
  open(): Promise<ContentChunks>;
  /** The content with quoted-printable for parts that are not ASCII (RFC 6152 section 3). */
  sevenBitChunks(): AsyncIterable<Uint8Array>;
  /** Whether there is any octet above 127. Reads all of it. */
  isEightBit(): Promise<boolean>;
  /** Whether the header section has any octet above 127 (needs SMTPUTF8). */
  hasEightBitHeader(): Promise<boolean>;
}

/** @param read reads the spooled content; called at most once */
export function openJobContent(
  job: Pick<DeliveryJob, 'content' | 'edits'>,
  read: () => Promise<SpooledContent>,
): JobContent {
  let spooled: Promise<SpooledContent> | undefined;
  const bytes = editedBytes(job.content.bytes, job.edits);
  const headerBytes = editedBytes(job.content.headerBytes, job.edits);

  function readOnce(): Promise<SpooledContent> {
    spooled ??= read();
    return spooled;
  }

  async function open(): Promise<ContentChunks> {
    const stored = await readOnce();
    const { whole } = stored;
    if (whole === undefined) return applyEdits(stored.chunks(), job.edits);
    if (job.edits.length === 0) return [whole];
    const applier = createEditApplier(job.edits);
    return [...applier.push(whole), ...applier.finish()];
  }

  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* await open();
  }

  return {
    bytes,
    prefetch() {
      readOnce().catch(() => undefined);
    },
    open,
    sevenBitChunks: () => encodeForSevenBit(chunks),
    async isEightBit() {
      for await (const chunk of chunks()) if (!isAscii(chunk)) return true;
      return false;
    },
    async hasEightBitHeader() {
      let offset = 0;
      for await (const chunk of chunks()) {
        if (!isAscii(chunk.subarray(0, headerBytes - offset))) return true;
        offset += chunk.length;
        if (offset >= headerBytes) break;
      }
      return false;
    },
  };
}
