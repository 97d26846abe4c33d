/**
 * Small file systems of the ledger's own: a tmpfs that can be filled, and an ext4 image on a loop device whose backing file can be copied
 * while everything stands still, which is what a power cut leaves of it. Needs root and Linux.
 */
import { execFile } from 'node:child_process';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end. @throws Error with its complaint */
async function runProgram(program: string, ...args: readonly string[]): Promise<void> {
  await execute(program, [...args]);
}

/** A file system that can be full. */
export class SmallDisk {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Mounts a tmpfs. @param bytes its size */
  static async mount(folder: string, bytes: number): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true });
    await runProgram('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'railpost-ledger', folder);
    return new SmallDisk(folder);
  }

  /** Takes all that is free. */
  async fill(): Promise<void> {
    const writing = runProgram('dd', 'if=/dev/zero', `of=${this.#ballast}`, 'bs=64k');
    // dd ends with a complaint, which is the point.
    await writing.catch(() => undefined);
  }

  /** Gives it back. */
  async empty(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async unmount(): Promise<void> {
    await unmount(this.folder);
  }

  get #ballast(): string {
    return join(this.folder, 'ballast');
  }
}

/** An ext4 image that power is cut from. */
export class PowerImage {
  readonly folder: string;
  readonly #image: string;

  private constructor(folder: string, image: string) {
    this.folder = folder;
    this.#image = image;
  }

  /**
   * Makes and mounts one. The journal is written by fsync alone (commit=300): nothing comes to the disk by itself soon.
   * @param image path of the backing file
   */
  static async make(folder: string, image: string, bytes: number): Promise<PowerImage> {
    await mkdir(folder, { recursive: true });
    const file = await open(image, 'w');
    await file.truncate(bytes);
    await file.close();
    await runProgram('mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image);
    const made = new PowerImage(folder, image);
    await made.#mount();
    return made;
  }

  /** Copies the backing file as it is at this moment; what only the page cache of the file system knows is not in it. */
  async copy(): Promise<void> {
    await runProgram('cp', '--sparse=always', this.#image, `${this.#image}.copy`);
  }

  /** Mounts the copy instead. Nobody may have files open. */
  async replaceByCopy(): Promise<void> {
    await unmount(this.folder);
    await rename(`${this.#image}.copy`, this.#image);
    await this.#mount();
  }

  /** Makes everything on it durable: what an administrator wrote long ago. */
  async sync(): Promise<void> {
    await runProgram('sync', '-f', this.folder);
  }

  async dispose(): Promise<void> {
    await unmount(this.folder);
    await rm(this.#image, { force: true });
  }

  #mount(): Promise<void> {
    return runProgram('mount', '-o', 'loop,commit=300', this.#image, this.folder);
  }
}

const unmountAttempts = 100;

/** Somebody may be looking into it at this moment. */
async function unmount(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await runProgram('umount', folder);
      return;
    } catch (error) {
      if (attempt === unmountAttempts) throw error;
      await sleep(100);
    }
  }
}
