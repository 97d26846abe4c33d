/**
 * The object store below the spool: two shipped implementations (directory, S3) behind this interface, held to it by
 * one contract test. Objects are only created, read, listed and removed: never overwritten, never appended to.
 *
 * Keys are `/`-separated parts of letters, digits and `._~=-`, none of them `.` or `..`. No key may be the folder of another one
 * (`a` beside `a/b`): a directory cannot hold both.
 */

/** Part of an object: `bytes` octets from `offset`. A range that ends behind the object is cut at its end. */
export interface ObjectRange {
  readonly offset: number;
  readonly bytes: number;
}

/** One object as listed. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since the epoch by the store's clock. */
  readonly modifiedAtMs: number;
}

/** Whether this call made the object, or an object of that name was there already (ours from an earlier try, or another's). */
export type CreateResult = 'created' | 'exists';

/** An object written in pieces; it appears whole at {@link ObjectUpload.finish} or never. Calls must not overlap. */
export interface ObjectUpload {
  /** Octets taken by `write` that are still held in memory. */
  readonly bufferedBytes: number;
  /** Takes one piece; the caller must not change the octets afterwards. @throws SpoolUnavailableError */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the object appear, durable, unless the name is taken.
   * @throws SpoolUnavailableError its `effect` says whether the object may still appear
   */
  finish(deadlineMs?: number): Promise<CreateResult>;
  /** Gives up; never throws, the object never appears through this upload. Not after `finish` was called. */
  abort(): Promise<void>;
}

/** Durable objects by name. All methods reject with SpoolUnavailableError when the store does not answer or refuses. */
export interface ObjectStore {
  /** Where the objects lie, without secrets, for logs. */
  readonly location: string;
  /**
   * Creates an object from the parts in order; durable when it resolves. Exactly one of several racing creators hears `created`.
   * `exists` too means durable.
   * @param deadlineMs give up after so many milliseconds (then the effect is unknown); @default 20000
   */
  create(key: string, parts: readonly Uint8Array[], deadlineMs?: number): Promise<CreateResult>;
  /** Begins an object that is written in pieces. */
  createStream(key: string): Promise<ObjectUpload>;
  /** Length in octets. @throws ObjectMissingError */
  size(key: string): Promise<number>;
  /** Reads an object or part of it. @throws ObjectMissingError */
  read(key: string, range?: ObjectRange): Promise<Uint8Array>;
  /** Reads in pieces. @throws ObjectMissingError at the first piece */
  readStream(key: string, range?: ObjectRange): AsyncIterable<Uint8Array>;
  /** All objects whose key starts with `prefix` and sorts behind `after`, in the order of the octets of their keys. */
  list(prefix: string, after?: string): AsyncIterable<ListedObject>;
  /** Removes an object; one that is not there is fine. A power loss may bring it back. */
  remove(key: string): Promise<void>;
  close(): Promise<void>;
}

/** Time after which a create is given up, in milliseconds. */
export const defaultCreateDeadlineMs = 20_000;

const keyPattern = /^[A-Za-z0-9._~=-]+(\/[A-Za-z0-9._~=-]+)*$/;

/** Asserts the grammar of keys. @throws RangeError: a caller's bug, and what keeps `..` out of paths */
export function checkKey(key: string): void {
  if (!keyPattern.test(key) || key.split('/').some((part) => part === '.' || part === '..')) {
    throw new RangeError(`not an object key: ${JSON.stringify(key)}`);
  }
}

/** Sum of the lengths of the parts. */
export function totalBytes(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) sum += part.length;
  return sum;
}
