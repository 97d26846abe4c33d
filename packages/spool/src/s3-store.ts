/**
 * The spool in an S3 bucket. Conditional writes only as `If-None-Match: *` (the form every server worth using has);
 * writes are sent once per call and retried by the caller, which alone knows whether an answer got lost (durability rule 2).
 * Large objects go up in parts (s3-upload.ts).
 */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
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
import { beginS3Upload } from './s3-upload.ts';

/** Where the bucket is. */
export interface S3Location {
  readonly bucket: string;
  /** Prepended to every key; empty or ending in `/`. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly credentials: S3ClientConfig['credentials'];
}

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
  /** Creates: one attempt each. */
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
      Body: joined(parts),
      ContentLength: totalBytes(parts),
      IfNoneMatch: '*',
    });
    return this.#createOnce(deadlineMs, (abortSignal) => this.#writer.send(command, { abortSignal }));
  }

  async createStream(key: string): Promise<ObjectUpload> {
    const name = this.#name(key);
    return beginS3Upload({
      // Parts may be repeated blindly; so may the completion, whose `exists` is verified by the caller.
      client: this.#reader,
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
    do {
      const page = await this.#listPage(prefix, startAfter);
      const objects = page.Contents ?? [];
      for (const { Key = '', Size = 0, LastModified } of objects) {
        yield {
          key: Key.slice(this.#prefix.length),
          bytes: Size,
          modifiedAtMs: LastModified?.getTime() ?? 0,
        };
      }
      startAfter = page.IsTruncated === true ? objects.at(-1)?.Key : undefined;
    } while (startAfter !== undefined);
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
        await send(AbortSignal.timeout(Math.ceil(Math.max(1, deadlineMs))));
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

  #listPage(prefix: string, startAfter: string | undefined): Promise<ListObjectsV2CommandOutput> {
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: this.#prefix + prefix,
      ...(startAfter === undefined ? {} : { StartAfter: startAfter }),
    });
    return translateRead(prefix, () => this.#reader.send(command));
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

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}
