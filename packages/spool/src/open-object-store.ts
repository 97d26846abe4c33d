/**
 * From a location string to an object store that has been seen to work: `dir:/absolute/path` or
 * `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1&credentials=/path/to/file`.
 * Without `credentials`, the SDK's default chain applies (environment, web identity, instance metadata).
 */
import { randomBytes } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { openDirectoryStore } from './directory-store.ts';
import { ConditionalWriteError, SpoolLocationError } from './errors.ts';
import type { ObjectStore } from './object-store.ts';
import { readCredentialsFile } from './s3-credentials.ts';
import type { S3Location } from './s3-store.ts';

/** How a store is opened. */
export interface ObjectStoreOptions {
  /** True makes the mutant of the powercut test: a directory that is never synced. @default false */
  readonly isSyncLeftOut?: boolean;
}

/**
 * Opens the store and checks that it creates without overwriting.
 * @throws SpoolLocationError, ConditionalWriteError: hopeless; SpoolUnavailableError: try again later
 */
export async function openObjectStore(
  location: string,
  options: ObjectStoreOptions = {},
): Promise<ObjectStore> {
  const store = await openUnchecked(location, options);
  try {
    await checkConditionalWrites(store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/**
 * Proves by a probe object that a second create of a name is refused and leaves the first one alone.
 * @throws ConditionalWriteError when it is not so
 */
export async function checkConditionalWrites(store: ObjectStore): Promise<void> {
  const key = `probe/${randomBytes(12).toString('hex')}`;
  const first = Buffer.from('first');
  const results = [await store.create(key, [first]), await store.create(key, [Buffer.from('second')])];
  const kept = Buffer.from(await store.read(key));
  await store.remove(key);
  if (results[0] !== 'created' || results[1] !== 'exists' || !kept.equals(first)) {
    throw new ConditionalWriteError(
      `${store.location} overwrites existing objects (If-None-Match: * has no effect); mail would be lost on it`,
    );
  }
}

async function openUnchecked(location: string, options: ObjectStoreOptions): Promise<ObjectStore> {
  if (location.startsWith('dir:')) {
    const path = location.slice('dir:'.length);
    if (!isAbsolute(path))
      throw new SpoolLocationError(`spool directory must be an absolute path: ${location}`);
    return openDirectoryStore(path, options.isSyncLeftOut);
  }
  if (location.startsWith('s3://')) {
    const parsed = await parseS3Location(location);
    // Loaded only here: the SDK costs time and memory at start, which a spool in a directory need not pay.
    const { openS3Store } = await import('./s3-store.ts');
    return openS3Store(parsed);
  }
  throw new SpoolLocationError(
    `spool location must begin with dir: or s3:// (it is ${JSON.stringify(location)})`,
  );
}

async function parseS3Location(location: string): Promise<S3Location> {
  const url = URL.parse(location);
  if (url === null || url.hostname === '') throw new SpoolLocationError(`not an S3 location: ${location}`);
  const known = new Set(['endpoint', 'region', 'credentials']);
  for (const name of url.searchParams.keys()) {
    if (!known.has(name)) throw new SpoolLocationError(`unknown parameter ${name} in ${location}`);
  }
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  const credentials = url.searchParams.get('credentials');
  return {
    bucket: url.hostname,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint: url.searchParams.get('endpoint') ?? undefined,
    region: url.searchParams.get('region') ?? 'us-east-1',
    credentials: credentials === null ? undefined : await readCredentialsFile(credentials),
  };
}
