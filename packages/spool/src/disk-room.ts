/**
 * How much room a volume has, and which volume a spool lies on. Object storage has no such thing: it refuses when it is full.
 */
import { statfs } from 'node:fs/promises';
import { SpoolUnavailableError } from './errors.ts';
import { errorCode } from './file-system.ts';
import type { ObjectStore } from './object-store.ts';

/** Room of a volume in octets. */
export interface DiskRoom {
  /** What a process without privileges may still use. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The folder that the store keeps its objects in; undefined when it is no directory. */
export function folderOf(store: Pick<ObjectStore, 'location'>): string | undefined {
  return store.location.startsWith('dir:') ? store.location.slice('dir:'.length) : undefined;
}

/** Asks the volume that the folder lies on. @throws SpoolUnavailableError when the folder is not there, or does not answer */
export async function readDiskRoom(folder: string): Promise<DiskRoom> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    throw new SpoolUnavailableError(`${folder} cannot be looked at (${errorCode(error) ?? String(error)})`, {
      effect: 'none',
      cause: error,
    });
  }
}
