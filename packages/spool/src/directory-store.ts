/**
 * The spool in a directory: the embedded default. An object is written to `tmp/`, fdatasynced, then linked to its name under
 * `objects/` (link(2) never replaces: EEXIST = the name is taken) and the folder is fsynced, so that what resolved survives a power
 * loss. Several processes may share the directory on one file system with hard links.
 * Temporary files of dead processes are removed at open once they have not been written to for an hour.
 */
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { link, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DirectoryUpload } from './directory-upload.ts';
import { ObjectMissingError, SpoolUnavailableError } from './errors.ts';
import { FolderSync } from './folder-sync.ts';
import { errorCode, guarded, isAbsence, makeFolderDurably, syncFolder } from './file-system.ts';
import {
  type CreateResult,
  type ListedObject,
  type ObjectRange,
  type ObjectStore,
  checkKey,
  totalBytes,
} from './object-store.ts';
import {
  closeLater,
  createFile,
  dropFile,
  openFile,
  readPiece,
  syncData,
  writePieces,
} from './small-file.ts';

const staleTemporaryMs = 60 * 60 * 1000;
const readChunkBytes = 256 * 1024;
const rememberedFolders = 4096;
const describedAtOnce = 64;
/** Beyond this, a folder of which files vanish all the time is told as it is. */
const readingsOfFolder = 20;
/** Behind the last entry of a folder. */
const endOfFolder = { key: '', isFolder: true };

/**
 * Opens (and makes) the directory.
 * @param isSyncLeftOut true makes the mutant of the powercut test: nothing is synced, and mail is lost with the power
 * @throws SpoolUnavailableError when it cannot be made or read
 */
export async function openDirectoryStore(root: string, isSyncLeftOut = false): Promise<ObjectStore> {
  const store = new DirectoryStore(root, isSyncLeftOut);
  await store.prepare();
  return store;
}

class DirectoryStore implements ObjectStore {
  readonly location: string;
  readonly #objects: string;
  readonly #temporary: string;
  readonly #isSyncLeftOut: boolean;
  /** Folders known to exist durably, so that a create does not stat its parents each time. */
  readonly #folders = new Set<string>();
  readonly #sync = new FolderSync();
  /** Temporary files that are being removed. */
  readonly #drops = new Set<Promise<void>>();

  constructor(root: string, isSyncLeftOut: boolean) {
    this.#isSyncLeftOut = isSyncLeftOut;
    this.location = `dir:${root}`;
    this.#objects = join(root, 'objects');
    this.#temporary = join(root, 'tmp');
  }

  async prepare(): Promise<void> {
    await guarded('none', async () => {
      await makeFolderDurably(this.#objects);
      await makeFolderDurably(this.#temporary);
      await removeStaleFiles(this.#temporary);
    });
  }

  async create(key: string, parts: readonly Uint8Array[]): Promise<CreateResult> {
    const target = this.#path(key);
    const path = this.#temporaryPath();
    const file = await guarded('none', () => createFile(path));
    try {
      await guarded('none', async () => {
        await writePieces(file, parts, totalBytes(parts));
        if (!this.#isSyncLeftOut) await syncData(file);
      });
      return await this.#publish(path, target);
    } finally {
      // Nobody waits for that: the object has its name, or it has not.
      this.#drop(file, path);
    }
  }

  #temporaryPath(): string {
    return join(this.#temporary, `${Date.now()}-${process.pid}-${randomBytes(8).toString('hex')}`);
  }

  #drop(file: number, path: string): void {
    const dropped = dropFile(file, path).then(() => {
      this.#drops.delete(dropped);
    });
    this.#drops.add(dropped);
  }

  async createStream(key: string): Promise<DirectoryUpload> {
    const target = this.#path(key);
    const path = this.#temporaryPath();
    const file = await guarded('none', () => open(path, 'wx', 0o600));
    return new DirectoryUpload(file, path, {
      publish: () => this.#publish(path, target),
      isSyncLeftOut: this.#isSyncLeftOut,
    });
  }

  async size(key: string): Promise<number> {
    return this.#reading(key, async (path) => (await stat(path)).size);
  }

  async read(key: string, range?: ObjectRange): Promise<Uint8Array> {
    return this.#reading(key, async (path) => {
      const file = await openFile(path);
      try {
        return await readPiece(file, range);
      } finally {
        closeLater(file);
      }
    });
  }

  async *readStream(key: string, range?: ObjectRange): AsyncIterable<Uint8Array> {
    const file = await this.#reading(key, openFile);
    try {
      let offset = range?.offset ?? 0;
      const end = range === undefined ? Number.POSITIVE_INFINITY : range.offset + range.bytes;
      while (offset < end) {
        const piece = { offset, bytes: Math.min(readChunkBytes, end - offset) };
        const octets = await guarded('none', () => readPiece(file, piece));
        if (octets.length === 0) return;
        yield octets;
        offset += octets.length;
      }
    } finally {
      closeLater(file);
    }
  }

  async *list(prefix: string, after = ''): AsyncIterable<ListedObject> {
    // The folder part of the prefix is where the walk starts; the rest filters names in it.
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    yield* this.#walk(folder, prefix, after);
  }

  /** Without a sync: what a power loss brings back was not needed, and will be removed again. */
  async remove(key: string): Promise<void> {
    const path = this.#path(key);
    await guarded('unknown', async () => {
      try {
        await unlink(path);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#folders.clear();
    this.#sync.close();
    await Promise.all(this.#drops);
  }

  #path(key: string): string {
    checkKey(key);
    return join(this.#objects, key);
  }

  async #reading<Result>(key: string, action: (path: string) => Promise<Result>): Promise<Result> {
    const path = this.#path(key);
    try {
      return await action(path);
    } catch (error) {
      if (isAbsence(error)) throw new ObjectMissingError(key, error);
      throw new SpoolUnavailableError(`cannot read ${path}`, { effect: 'none', cause: error });
    }
  }

  /** Links the finished file to its name. After the link, a failing fsync leaves the effect unknown. */
  async #publish(path: string, target: string): Promise<CreateResult> {
    await guarded('none', () => this.#ensureFolder(dirname(target)));
    let result: CreateResult = 'created';
    try {
      await link(path, target);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') {
        this.#folders.delete(dirname(target));
        throw new SpoolUnavailableError(`cannot link ${target}`, { effect: 'none', cause: error });
      }
      result = 'exists';
    }
    // Also when the name was taken: whoever took it may not have got as far as the fsync.
    if (!this.#isSyncLeftOut) await guarded('unknown', () => this.#sync.sync(dirname(target)));
    return result;
  }

  async #ensureFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await makeFolderDurably(folder);
    // Another process may have made it a moment ago and not have got as far as its fsync.
    for (let each = dirname(folder); each.length >= this.#objects.length; each = dirname(each)) {
      await syncFolder(each);
    }
    if (this.#folders.size >= rememberedFolders) this.#folders.clear();
    this.#folders.add(folder);
  }

  /**
   * Whoever rolls objects up puts what replaces them behind them and removes them then. A reading of the folder that knows the old names
   * only, of which the files are gone by the time they are looked at, would tell of neither: the folder is read again from there.
   */
  async *#walk(folder: string, prefix: string, after: string): AsyncIterable<ListedObject> {
    let position = after;
    for (let readings = 1; ; readings += 1) {
      const last = yield* this.#walkOnce(folder, prefix, position, readings === readingsOfFolder);
      if (last === undefined) return;
      position = last;
    }
  }

  /** Ends at the first file that is gone, unless `skipsLost`, with the last key before it; undefined when it came to the end. */
  async *#walkOnce(
    folder: string,
    prefix: string,
    after: string,
    skipsLost: boolean,
  ): AsyncGenerator<ListedObject, string | undefined> {
    let last = after;
    let files: string[] = [];
    for (const { key, isFolder } of [...(await this.#entries(folder)), endOfFolder]) {
      if (!isFolder) {
        if (key.startsWith(prefix) && key > after) files.push(key);
        if (files.length < describedAtOnce) continue;
      }
      for (const described of await Promise.all(files.map((each) => this.#describe(each)))) {
        if (described === undefined && !skipsLost) return last;
        if (described === undefined) continue;
        yield described;
        last = described.key;
      }
      files = [];
      if (!isFolder || !mayHold(key, prefix, after)) continue;
      yield* this.#walk(key, prefix, after);
      last = `${key}\u{10ffff}`;
    }
    return undefined;
  }

  /** Entries of a folder in key order; folders carry their `/`, because `a-b` sorts before `a/b`. */
  async #entries(folder: string): Promise<{ key: string; isFolder: boolean }[]> {
    let found: Dirent[];
    try {
      found = await readdir(join(this.#objects, folder), { withFileTypes: true });
    } catch (error) {
      if (isAbsence(error)) return [];
      throw new SpoolUnavailableError(`cannot list ${folder}`, { effect: 'none', cause: error });
    }
    return found
      .map((entry) => ({
        key: `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`,
        isFolder: entry.isDirectory(),
      }))
      .sort((left, right) => (left.key < right.key ? -1 : 1));
  }

  async #describe(key: string): Promise<ListedObject | undefined> {
    try {
      const { size, mtimeMs } = await stat(join(this.#objects, key));
      return { key, bytes: size, modifiedAtMs: Math.floor(mtimeMs) };
    } catch (error) {
      if (isAbsence(error)) return undefined; // removed while we listed
      throw new SpoolUnavailableError(`cannot list ${key}`, { effect: 'none', cause: error });
    }
  }
}

/** True when keys below the folder may match the prefix and come after the place. */
function mayHold(folder: string, prefix: string, after: string): boolean {
  const mayMatch = folder.startsWith(prefix) || prefix.startsWith(folder);
  // All keys below a folder sort behind `after` unless the folder sorts wholly before it.
  const mayFollow = folder > after || after.startsWith(folder);
  return folder !== endOfFolder.key && mayMatch && mayFollow;
}

async function removeStaleFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > staleTemporaryMs) await unlink(path).catch(() => undefined);
  }
}
