/**
 * An S3 object written in pieces: a multipart upload of 5 MiB parts, one of them in memory at a time. It appears at its completion
 * (`If-None-Match: *`) or never.
 *
 * BUGS: parts of an upload whose process died stay in the bucket until its lifecycle rule removes incomplete uploads.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { SpoolUnavailableError } from './errors.ts';
import { type CreateResult, type ObjectUpload, defaultCreateDeadlineMs } from './object-store.ts';
import { isMissing } from './s3-errors.ts';

const partBytes = 5 * 1024 * 1024;
/** Repetitions included: whoever sends the message waits meanwhile. */
const partTimeoutMs = 20_000;

/** What an upload needs of its store. */
export interface S3UploadContext {
  readonly client: S3Client;
  readonly name: { readonly Bucket: string; readonly Key: string };
  createWhole(parts: readonly Uint8Array[], deadlineMs?: number): Promise<CreateResult>;
  complete(deadlineMs: number, send: (signal: AbortSignal) => Promise<unknown>): Promise<CreateResult>;
  exists(): Promise<boolean>;
}

/** Begins an upload; sends nothing yet. */
export function beginS3Upload(context: S3UploadContext): ObjectUpload {
  return new S3Upload(context);
}

/** Collects one part at a time; an object that stays below one part is a plain PUT after all. */
class S3Upload implements ObjectUpload {
  readonly #context: S3UploadContext;
  /** One part; filled again for each. Copying into it lets go of the caller's chunks, which are slices of network buffers. */
  #part: Buffer | undefined;
  #filled = 0;
  #uploadId: string | undefined;
  readonly #etags: string[] = [];

  constructor(context: S3UploadContext) {
    this.#context = context;
  }

  get bufferedBytes(): number {
    return this.#filled;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#part ??= Buffer.allocUnsafeSlow(partBytes);
    for (let taken = 0; taken < chunk.length; ) {
      const piece = chunk.subarray(taken, taken + partBytes - this.#filled);
      this.#part.set(piece, this.#filled);
      this.#filled += piece.length;
      taken += piece.length;
      if (this.#filled === partBytes) await this.#sendPart();
    }
  }

  async finish(deadlineMs: number = defaultCreateDeadlineMs): Promise<CreateResult> {
    if (this.#uploadId === undefined) return this.#context.createWhole([this.#octets()], deadlineMs);
    if (this.#filled > 0) await this.#sendPart();
    const UploadId = this.#uploadId;
    const Parts = this.#etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
    const command = new CompleteMultipartUploadCommand({
      ...this.#context.name,
      UploadId,
      MultipartUpload: { Parts },
      IfNoneMatch: '*',
    });
    try {
      return await this.#context.complete(deadlineMs, (abortSignal) =>
        this.#context.client.send(command, { abortSignal }),
      );
    } catch (error) {
      // No such upload: an earlier try of ours completed it and its answer was lost, unless the object is not there.
      if (
        error instanceof SpoolUnavailableError &&
        isMissing(error.cause) &&
        (await this.#context.exists())
      ) {
        return 'exists';
      }
      throw error;
    }
  }

  async abort(): Promise<void> {
    this.#part = undefined;
    this.#filled = 0;
    if (this.#uploadId === undefined) return;
    const command = new AbortMultipartUploadCommand({ ...this.#context.name, UploadId: this.#uploadId });
    // What cannot be aborted now is left to the bucket's lifecycle rule; the mail transaction has ended either way.
    await this.#context.client.send(command).catch(() => undefined);
  }

  async #sendPart(): Promise<void> {
    const abortSignal = AbortSignal.timeout(partTimeoutMs);
    try {
      this.#uploadId ??= (
        await this.#context.client.send(new CreateMultipartUploadCommand(this.#context.name), { abortSignal })
      ).UploadId;
      const { ETag } = await this.#context.client.send(
        new UploadPartCommand({
          ...this.#context.name,
          UploadId: this.#uploadId,
          PartNumber: this.#etags.length + 1,
          Body: this.#octets(),
        }),
        { abortSignal },
      );
      this.#etags.push(ETag ?? '');
    } catch (error) {
      // Parts alone never make an object appear.
      throw new SpoolUnavailableError('cannot upload a part', { effect: 'none', cause: error });
    }
    this.#filled = 0;
  }

  #octets(): Buffer {
    return this.#part?.subarray(0, this.#filled) ?? Buffer.alloc(0);
  }
}
