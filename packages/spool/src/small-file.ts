/**
 * A small file written with few system calls and fewer trips to the thread pool: Node's FileHandle costs several times what a plain
 * descriptor does, and a spool under load makes hundreds of files a second. What only touches memory (writing into the page
 * cache, closing) is done at once; what may wait for the disk is not.
 */
import { close, closeSync, fdatasync, fstat, open, read, unlink, writev, writevSync } from 'node:fs';
import type { ObjectRange } from './object-store.ts';

/** Up to this many octets are copied to the page cache in this turn of the event loop: about a fifth of a millisecond. */
const writtenAtOnceBytes = 512 * 1024;

/** A range up to so long is believed without a look at the file's size. */
const trustedBytes = 1024 * 1024;

/** Creates a file that must not exist. @throws the error of open(2) */
export function createFile(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, 'wx', 0o600, (error, file) => (error === null ? resolve(file) : reject(error)));
  });
}

/** Opens a file or folder for reading. @throws the error of open(2) */
export function openFile(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, 'r', (error, file) => (error === null ? resolve(file) : reject(error)));
  });
}

/** Reads what there is of a range, or of all. @throws the error of fstat(2) or read(2) */
export async function readPiece(file: number, range?: ObjectRange): Promise<Buffer> {
  const { offset, bytes } =
    range !== undefined && range.bytes <= trustedBytes ? range : await withinFile(file, range);
  const octets = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const count = await readSome(file, octets.subarray(filled), offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return octets.subarray(0, filled);
}

/** Writes all pieces without joining them. @throws the error of writev(2) */
export async function writePieces(file: number, pieces: readonly Uint8Array[], bytes: number): Promise<void> {
  let rest = pieces.filter((each) => each.length > 0);
  while (rest.length > 0) {
    const written = bytes <= writtenAtOnceBytes ? writevSync(file, rest) : await writeSome(file, rest);
    rest = skipBytes(rest, written);
  }
}

/** fdatasync(2). */
export function syncData(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(file, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** Closes and removes the file. Resolves always: what is left over costs space until the next start cleans it up. */
export function dropFile(file: number, path: string): Promise<void> {
  try {
    closeSync(file);
  } catch {
    // The descriptor is gone in any case.
  }
  return new Promise((resolve) => {
    unlink(path, () => resolve());
  });
}

/** Closes a descriptor without waiting for it. */
export function closeLater(file: number): void {
  close(file, () => undefined);
}

/** What remains of `pieces` behind the first `count` octets. */
export function skipBytes(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    if (left >= piece.length) left -= piece.length;
    else {
      rest.push(left === 0 ? piece : piece.subarray(left));
      left = 0;
    }
  }
  return rest;
}

function writeSome(file: number, pieces: readonly Uint8Array[]): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(file, pieces, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}

function withinFile(file: number, range: ObjectRange | undefined): Promise<ObjectRange> {
  return new Promise((resolve, reject) => {
    fstat(file, (error, stats) => {
      if (error !== null) return reject(error);
      const { size } = stats;
      const offset = Math.min(range?.offset ?? 0, size);
      resolve({ offset, bytes: Math.min(range?.bytes ?? size, size - offset) });
    });
  });
}

function readSome(file: number, octets: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, octets, 0, octets.length, position, (error, count) =>
      error === null ? resolve(count) : reject(error),
    );
  });
}
