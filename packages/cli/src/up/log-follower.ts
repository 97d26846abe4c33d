/**
 * Reads a log file that another process appends to, a few times a second, for those lines that somebody should see at once. The
 * process writes the file itself: a pipe through here would cost more than half of what the lines cost where they are made.
 * Begins at the present end. Gives whole lines; what is never finished is given at the end. Fails never: a file that cannot be
 * read shows nothing, and whoever wants all of it reads the file.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** How often the file is looked at. */
const lookMs = 250;
const chunkBytes = 256 * 1024;
const lineFeed = 0x0a;

/** Follows one file; reads synchronously, because what it reads was written a moment ago and is in memory. */
export class LogFollower {
  readonly #show: (lines: Buffer) => void;
  readonly #file: number | undefined;
  #position: number;
  #partial: Buffer = Buffer.alloc(0);
  readonly #timer: NodeJS.Timeout;

  /** @param show given one or more whole lines */
  constructor(path: string, show: (lines: Buffer) => void) {
    this.#show = show;
    this.#file = openOrNot(path);
    this.#position = this.#size();
    this.#timer = setInterval(() => this.look(), lookMs).unref();
  }

  /** Shows what has come since the last look. */
  look(): void {
    try {
      this.#read();
    } catch {
      // A disk that fails must not end the platform; the next look may be luckier.
    }
  }

  /** Shows the rest and ends. */
  stop(): void {
    clearInterval(this.#timer);
    this.look();
    if (this.#partial.length > 0) this.#show(this.#partial);
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #size(): number {
    return this.#file === undefined ? 0 : fstatSync(this.#file).size;
  }

  #read(): void {
    if (this.#file === undefined) return;
    const size = this.#size();
    // Somebody has emptied the file.
    if (size < this.#position) this.#position = 0;
    while (this.#position < size) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, size - this.#position));
      const bytesRead = readSync(this.#file, chunk, 0, chunk.length, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      this.#take(chunk.subarray(0, bytesRead));
    }
  }

  #take(chunk: Buffer): void {
    const end = chunk.lastIndexOf(lineFeed) + 1;
    const whole = chunk.subarray(0, end);
    if (end > 0) this.#show(this.#partial.length === 0 ? whole : Buffer.concat([this.#partial, whole]));
    const rest = chunk.subarray(end);
    this.#partial = end > 0 ? rest : Buffer.concat([this.#partial, rest]);
  }
}

function openOrNot(path: string): number | undefined {
  try {
    return openSync(path, 'a+', 0o600);
  } catch {
    return undefined;
  }
}
