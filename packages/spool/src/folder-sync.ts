/**
 * fsync of folders that are synced again and again: their descriptors stay open. Assumes that nobody removes a folder and makes it
 * anew under the same name while the store is open (nothing in Railpost removes folders).
 */
import { fsync } from 'node:fs';
import { closeLater, openFile } from './small-file.ts';

/** More than the days that segments, journals and voids of one process lie in at a time. */
const openFolders = 32;

interface OpenFolder {
  readonly file: number;
  users: number;
}

/** Syncs folders. */
export class FolderSync {
  readonly #folders = new Map<string, OpenFolder>();

  /** Makes the entries of a folder durable. @throws the error of open(2) or fsync(2) */
  async sync(path: string): Promise<void> {
    const folder = this.#folders.get(path) ?? (await this.#open(path));
    folder.users += 1;
    try {
      await syncFile(folder.file);
    } finally {
      folder.users -= 1;
    }
  }

  /** Closes what is open and not in use. */
  close(): void {
    for (const { file, users } of this.#folders.values()) if (users === 0) closeLater(file);
    this.#folders.clear();
  }

  async #open(path: string): Promise<OpenFolder> {
    const file = await openFile(path);
    const known = this.#folders.get(path);
    if (known !== undefined) {
      // Somebody else was faster.
      closeLater(file);
      return known;
    }
    this.#makeRoom();
    const folder = { file, users: 0 };
    this.#folders.set(path, folder);
    return folder;
  }

  #makeRoom(): void {
    if (this.#folders.size < openFolders) return;
    for (const [path, { file, users }] of this.#folders) {
      if (users > 0) continue;
      this.#folders.delete(path);
      closeLater(file);
      return;
    }
  }
}

function syncFile(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(file, (error) => (error === null ? resolve() : reject(error)));
  });
}
