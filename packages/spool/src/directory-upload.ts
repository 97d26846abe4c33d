/**
 * An object of the directory store while it is written: a temporary file, made durable and published under its name at the end.
 */
import { type FileHandle, unlink } from 'node:fs/promises';
import { guarded } from './file-system.ts';
import type { CreateResult, ObjectUpload } from './object-store.ts';
import { skipBytes } from './small-file.ts';

/** What becomes of the file at the end. */
export interface DirectoryUploadEnd {
  /** Gives it its name. */
  publish(): Promise<CreateResult>;
  /** True in the mutant of the powercut test only. */
  readonly isSyncLeftOut: boolean;
}

/** A temporary file on its way to a name. */
export class DirectoryUpload implements ObjectUpload {
  readonly bufferedBytes = 0;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #end: DirectoryUploadEnd;

  constructor(file: FileHandle, path: string, end: DirectoryUploadEnd) {
    this.#file = file;
    this.#path = path;
    this.#end = end;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.writeAll([chunk]);
  }

  /** Writes many pieces with one writev(2), without joining them. */
  async writeAll(parts: readonly Uint8Array[]): Promise<void> {
    await guarded('none', async () => {
      let rest = parts.filter((part) => part.length > 0);
      while (rest.length > 0) {
        const { bytesWritten } = await this.#file.writev(rest);
        rest = skipBytes(rest, bytesWritten);
      }
    });
  }

  async finish(): Promise<CreateResult> {
    try {
      if (!this.#end.isSyncLeftOut) await guarded('none', () => this.#file.datasync());
      return await this.#end.publish();
    } finally {
      await this.abort();
    }
  }

  async abort(): Promise<void> {
    // Left-overs cost space until the next start cleans them, nothing else: not worth failing a stored message for.
    await this.#file.close().catch(() => undefined);
    await unlink(this.#path).catch(() => undefined);
  }
}
