/**
 * A Maildir: `tmp/`, `new/`, `cur/` (https://cr.yp.to/proto/maildir.html). A message is written in `tmp/` under a name of this
 * attempt, then linked into `new/` under the name of its delivery: link(2) never replaces, so of two attempts one wins. A mail
 * reader moves files from `new/` to `cur/` and appends flags after a `:`; the part before it stays.
 * All methods throw the errors of the file system. Files that a crash leaves in `tmp/` are removed by mail readers after 36 hours.
 *
 * BUGS: a message that was moved to another folder, or removed, between a crash and the repeat of its job arrives again.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, opendir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DeliveryJob, JobRecipient } from '@railpost/contracts';

/** Clocks of ingress and file server may differ by this much. */
const clockSkewMs = 10 * 60 * 1000;
const writeAtBytes = 256 * 1024;

/** Name of a message in its mailbox. */
export interface MessageName {
  /** Unique part; file names are it, with nothing or with flags behind. */
  readonly base: string;
}

/** An open Maildir. */
export interface Maildir {
  /** True when this call made it. */
  readonly isNew: boolean;
  /**
   * Path of the message when an earlier attempt delivered it.
   * @param receivedAtMs when the message was accepted: nothing of it was delivered before (milliseconds since the epoch)
   */
  findDelivered(name: MessageName, receivedAtMs: number): Promise<string | undefined>;
  /** Begins a file in `tmp/`. */
  create(name: MessageName): Promise<MaildirFile>;
}

/** A message on its way from `tmp/` to `new/`. */
export interface MaildirFile {
  write(chunk: Uint8Array): Promise<void>;
  /** Makes the octets durable and closes the file. */
  sync(): Promise<void>;
  /** Links it into `new/`, durable. @returns false when the name was there already: delivered by an earlier attempt */
  publish(): Promise<boolean>;
  /** Removes what stands in `tmp/`. Never throws. */
  discard(): Promise<void>;
}

/** The name of a delivery: time of acceptance, job and recipient. The same job makes the same name. */
export function messageName(job: DeliveryJob, recipient: Pick<JobRecipient, 'orig' | 'final'>): MessageName {
  const seconds = Math.floor(Date.parse(job.receivedAt) / 1000);
  const identity = JSON.stringify([job.jobId, recipient.orig, recipient.final]);
  const unique = createHash('sha256').update(identity).digest('hex').slice(0, 32);
  return { base: `${seconds}.Q${job.queueId}J${unique}.railpost` };
}

/** Opens the Maildir in `folder`, making it when it is not there. */
export async function openMaildir(folder: string): Promise<Maildir> {
  const root = join(folder, 'Maildir');
  // `cur` is made last: where it is, the others are.
  const isNew = await isMissing(join(root, 'cur'));
  if (isNew) {
    for (const name of ['tmp', 'new', 'cur']) await makeFolderDurably(join(root, name));
  }
  return {
    isNew,
    findDelivered: (name, receivedAtMs) => findDelivered(root, name, receivedAtMs),
    create: (name) => createFile(root, name),
  };
}

async function findDelivered(
  root: string,
  name: MessageName,
  receivedAtMs: number,
): Promise<string | undefined> {
  const fresh = join(root, 'new', name.base);
  if (!(await isMissing(fresh))) return fresh;
  // A folder that nobody moved anything into since the message was accepted cannot hold it: no need to read a large one.
  const { mtimeMs } = await stat(join(root, 'cur'));
  if (mtimeMs < receivedAtMs - clockSkewMs) return undefined;
  for await (const entry of await opendir(join(root, 'cur'))) {
    const base = entry.name.split(':', 1)[0];
    if (base === name.base) return join(root, 'cur', entry.name);
  }
  return undefined;
}

async function createFile(root: string, name: MessageName): Promise<MaildirFile> {
  const path = join(root, 'tmp', `${name.base}.${process.pid}.${randomBytes(6).toString('hex')}`);
  const target = join(root, 'new', name.base);
  const file = await open(path, 'wx', 0o600);
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  async function flush(): Promise<void> {
    const parts = gathered;
    gathered = [];
    gatheredBytes = 0;
    await writeFully(file, parts);
  }
  return {
    async write(chunk) {
      gathered.push(chunk);
      gatheredBytes += chunk.length;
      if (gatheredBytes >= writeAtBytes) await flush();
    },
    async sync() {
      await flush();
      await file.datasync();
      await file.close();
    },
    async publish() {
      const isFirst = await linkUnlessThere(path, target);
      await syncFolder(dirname(target));
      return isFirst;
    },
    async discard() {
      await file.close().catch(() => undefined);
      await unlink(path).catch(() => undefined);
    },
  };
}

async function writeFully(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let rest = parts.filter((part) => part.length > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest);
    // A full disk may take part of it; the next try then says so.
    const left: Uint8Array[] = [];
    for (const part of rest) {
      if (bytesWritten < part.length) left.push(part.subarray(bytesWritten));
      bytesWritten = Math.max(0, bytesWritten - part.length);
    }
    rest = left;
  }
}

async function linkUnlessThere(path: string, target: string): Promise<boolean> {
  try {
    await link(path, target);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await stat(path);
    return false;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true;
    throw error;
  }
}

/** mkdir -p, with an fsync of every folder that got a new entry. */
async function makeFolderDurably(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let each = dirname(folder); each.length >= dirname(first).length; each = dirname(each)) {
    await syncFolder(each);
    if (each === dirname(each)) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
