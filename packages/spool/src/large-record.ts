/**
 * A message above a megabyte on its way into a segment of its own: never whole in memory. Its octets go to an upload piece by piece;
 * the segment appears when the upload is finished, or never.
 */
import { createHash } from 'node:crypto';
import type { BodyRef, Envelope } from '@railpost/mail';
import { type CommitLimits, commitObject } from './commit-object.ts';
import type { ObjectStore, ObjectUpload } from './object-store.ts';
import { encodeSegmentEnd, footerBytes, formatIndexEntry } from './segment-format.ts';

interface LargeRecordContext {
  readonly store: ObjectStore;
  readonly key: string;
  readonly limits: CommitLimits;
  readonly signal: AbortSignal;
}

/** Calls must not overlap. */
export class LargeRecord {
  readonly #context: LargeRecordContext;
  readonly #digest = createHash('sha256');
  #upload: ObjectUpload | undefined;
  #bytes = 0;

  constructor(context: LargeRecordContext) {
    this.#context = context;
  }

  /** Passes octets on. @returns how many octets the upload still holds in memory @throws SpoolUnavailableError */
  async write(pieces: readonly Uint8Array[]): Promise<number> {
    this.#upload ??= await this.#context.store.createStream(this.#context.key);
    for (const piece of pieces) {
      this.#digest.update(piece);
      this.#bytes += piece.length;
      await this.#upload.write(piece);
    }
    return this.#upload.bufferedBytes;
  }

  /** Ends the segment; as {@link RecordWriter.commit}. At least one `write` came before. */
  async commit(envelope: Envelope, headerBytes: number): Promise<BodyRef> {
    const { store, key, limits, signal } = this.#context;
    const upload = this.#upload ?? (await store.createStream(key));
    const place = { offset: 0, bytes: this.#bytes, headerBytes, sha256: this.#digest.digest('hex') };
    const end = encodeSegmentEnd(this.#bytes, [formatIndexEntry(place, envelope)]);
    try {
      await upload.write(end);
      const object = {
        key,
        bytes: this.#bytes + end.length,
        footer: end.subarray(-footerBytes),
        write: (deadlineMs: number) => upload.finish(deadlineMs),
      };
      await commitObject(store, object, limits, signal);
    } catch (error) {
      await upload.abort();
      throw error;
    }
    return { key, ...place };
  }

  /** Drops what was written. Never throws. */
  async abandon(): Promise<void> {
    await this.#upload?.abort();
  }
}
