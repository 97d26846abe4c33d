/**
 * The spool in an S3 bucket. Conditional writes only as `If-None-Match: *` (the form every server worth using has);
 * writes are sent once per call and retried by the caller, which alone knows whether an answer got lost (durability rule 2).
 * Large objects go up as multipart uploads of 5 MiB parts, which appear at their completion or never.
 *
 * BUGS: parts of an upload whose process died stay in the bucket until its lifecycle rule removes incomplete uploads.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { SpoolUnavailableError, type WriteEffect } from './errors.ts';
import {
  type CreateResult,
  type ListedObject,
  type ObjectRange,
  type ObjectStore,
  type ObjectUpload,
  checkKey,
  defaultCreateDeadlineMs,
  totalBytes,
} from './object-store.ts';
import { isConflict, isMissing, isPreconditionFailed, translateRead, translateWrite } from './s3-errors.ts';

/** Where the bucket is. */
export interface S3Location {
  readonly bucket: string;
  /** Prepended to every key; empty or ending in `/`. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly credentials: S3ClientConfig['credentials'];
}

const partBytes = 5 * 1024 * 1024;
const requestTimeoutMs = 30_000;
const connectTimeoutMs = 2_000;
const conflictRetries = 5;

/** Opens a bucket; sends nothing yet. */
export function openS3Store(location: S3Location): ObjectStore {
  return new S3Store(location);
}

class S3Store implements ObjectStore {
  readonly location: string;
  readonly #bucket: string;
  readonly #prefix: string;
  /** Writes: one attempt each. */
  readonly #writer: S3Client;
  /** Reads and removals may be repeated blindly, so the SDK does it. */
  readonly #reader: S3Client;

  constructor(location: S3Location) {
    this.location = `s3://${location.bucket}/${location.prefix}`;
    this.#bucket = location.bucket;
    this.#prefix = location.prefix;
    this.#writer = newClient(location, 1);
    this.#reader = newClient(location, 3);
  }

  async create(
    key: string,
    parts: readonly Uint8Array[],
    deadlineMs = defaultCreateDeadlineMs,
  ): Promise<CreateResult> {
    const command = new PutObjectCommand({
      ...this.#name(key),
      // One copy of the (bounded) segment: the SDK signs and sends one buffer far cheaper than a stream of small pieces.
      Body: Buffer.concat(parts),
      ContentLength: totalBytes(parts),
      IfNoneMatch: '*',
    });
    return this.#createOnce(deadlineMs, (abortSignal) => this.#writer.send(command, { abortSignal }));
  }

  async createStream(key: string): Promise<ObjectUpload> {
    const name = this.#name(key);
    return new S3Upload({
      client: this.#writer,
      name,
      createWhole: (parts, deadlineMs) => this.create(key, parts, deadlineMs),
      complete: (deadlineMs, send) => this.#createOnce(deadlineMs, send),
      exists: async () => (await this.#head(key)) !== undefined,
    });
  }

  async size(key: string): Promise<number> {
    return translateRead(key, async () => {
      const head = await this.#reader.send(new HeadObjectCommand(this.#name(key)));
      return head.ContentLength ?? 0;
    });
  }

  async read(key: string, range?: ObjectRange): Promise<Uint8Array> {
    if (range?.bytes === 0) return new Uint8Array(0);
    return translateRead(key, async () => {
      const { Body } = await this.#get(key, range);
      return Body === undefined ? new Uint8Array(0) : Body.transformToByteArray();
    });
  }

  async *readStream(key: string, range?: ObjectRange): AsyncIterable<Uint8Array> {
    if (range?.bytes === 0) return;
    const { Body } = await translateRead(key, () => this.#get(key, range));
    if (Body === undefined) return;
    // In Node the SDK's body is a Readable, which is async iterable.
    const pieces = (Body as unknown as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const piece = await translateRead(key, () => pieces.next());
        if (piece.done === true) return;
        yield piece.value;
      }
    } finally {
      await pieces.return?.();
    }
  }

  async *list(prefix: string, after?: string): AsyncIterable<ListedObject> {
    let startAfter = after === undefined || after === '' ? undefined : this.#prefix + after;
    for (;;) {
      const page = await translateRead(prefix, () =>
        this.#reader.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#prefix + prefix,
            ...(startAfter === undefined ? {} : { StartAfter: startAfter }),
          }),
        ),
      );
      const objects = page.Contents ?? [];
      for (const each of objects) {
        if (each.Key === undefined) continue;
        yield {
          key: each.Key.slice(this.#prefix.length),
          bytes: each.Size ?? 0,
          modifiedAtMs: each.LastModified?.getTime() ?? 0,
        };
      }
      startAfter = objects.at(-1)?.Key;
      if (page.IsTruncated !== true || startAfter === undefined) return;
    }
  }

  async remove(key: string): Promise<void> {
    try {
      await this.#reader.send(new DeleteObjectCommand(this.#name(key)));
    } catch (error) {
      if (!isMissing(error)) throw translateWrite(error, `cannot remove ${key}`);
    }
  }

  async close(): Promise<void> {
    this.#writer.destroy();
    this.#reader.destroy();
  }

  /** Sends a conditional write and maps its answer. A conflict (409: another one is under way) had no effect: again, soon. */
  async #createOnce(
    deadlineMs: number,
    send: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<CreateResult> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await send(AbortSignal.timeout(Math.max(1, deadlineMs)));
        return 'created';
      } catch (error) {
        if (isPreconditionFailed(error)) return 'exists';
        if (!isConflict(error) || attempt > conflictRetries) throw translateWrite(error, 'cannot create');
      }
    }
  }

  async #head(key: string): Promise<true | undefined> {
    try {
      await this.#reader.send(new HeadObjectCommand(this.#name(key)));
      return true;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw translateWrite(error, `cannot look for ${key}`);
    }
  }

  #get(key: string, range: ObjectRange | undefined): Promise<GetObjectCommandOutput> {
    return this.#reader.send(
      new GetObjectCommand({
        ...this.#name(key),
        ...(range === undefined ? {} : { Range: `bytes=${range.offset}-${range.offset + range.bytes - 1}` }),
      }),
    );
  }

  #name(key: string): { Bucket: string; Key: string } {
    checkKey(key);
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }
}

interface UploadContext {
  readonly client: S3Client;
  readonly name: { readonly Bucket: string; readonly Key: string };
  createWhole(parts: readonly Uint8Array[], deadlineMs?: number): Promise<CreateResult>;
  complete(deadlineMs: number, send: (signal: AbortSignal) => Promise<unknown>): Promise<CreateResult>;
  exists(): Promise<boolean>;
}

/** Collects one part at a time; an object that stays below one part is a plain PUT after all. */
class S3Upload implements ObjectUpload {
  readonly #context: UploadContext;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #uploadId: string | undefined;
  readonly #etags: string[] = [];

  constructor(context: UploadContext) {
    this.#context = context;
  }

  get bufferedBytes(): number {
    return this.#pendingBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= partBytes) await this.#sendPart();
  }

  async finish(deadlineMs: number = defaultCreateDeadlineMs): Promise<CreateResult> {
    if (this.#uploadId === undefined) return this.#context.createWhole(this.#pending, deadlineMs);
    if (this.#pendingBytes > 0) await this.#sendPart();
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
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#uploadId === undefined) return;
    const command = new AbortMultipartUploadCommand({ ...this.#context.name, UploadId: this.#uploadId });
    // What cannot be aborted now is left to the bucket's lifecycle rule; the mail transaction has ended either way.
    await this.#context.client.send(command).catch(() => undefined);
  }

  async #sendPart(): Promise<void> {
    const effect: WriteEffect = 'none'; // parts alone never make an object appear
    try {
      this.#uploadId ??= (
        await this.#context.client.send(new CreateMultipartUploadCommand(this.#context.name))
      ).UploadId;
      const { ETag } = await this.#context.client.send(
        new UploadPartCommand({
          ...this.#context.name,
          UploadId: this.#uploadId,
          PartNumber: this.#etags.length + 1,
          Body: Buffer.concat(this.#pending),
        }),
        { abortSignal: AbortSignal.timeout(requestTimeoutMs) },
      );
      this.#etags.push(ETag ?? '');
    } catch (error) {
      throw new SpoolUnavailableError('cannot upload a part', { effect, cause: error });
    }
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

function newClient(location: S3Location, maxAttempts: number): S3Client {
  return new S3Client({
    region: location.region,
    maxAttempts,
    ...(location.endpoint === undefined ? {} : { endpoint: location.endpoint, forcePathStyle: true }),
    ...(location.credentials === undefined ? {} : { credentials: location.credentials }),
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    },
  });
}
