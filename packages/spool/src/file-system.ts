/**
 * What the directory store needs of the file system: folders that survive a power loss, and errors in the spool's own terms.
 */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SpoolUnavailableError, type WriteEffect } from './errors.ts';

/** mkdir -p, with an fsync of every folder that got a new entry. */
export async function makeFolderDurably(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  let each = folder;
  while (each.length >= first.length) {
    await syncFolder(each);
    each = dirname(each);
  }
  await syncFolder(each);
}

/** Makes the entries of a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Translates whatever the file system says into the spool's own error. */
export async function guarded<Result>(effect: WriteEffect, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    throw new SpoolUnavailableError(`file system: ${errorCode(error) ?? String(error)}`, {
      effect,
      cause: error,
    });
  }
}

/** The path, or a folder on the way to it, is not there. */
export function isAbsence(error: unknown): boolean {
  return errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR';
}

/** Node's code of a file system error: `ENOSPC`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
