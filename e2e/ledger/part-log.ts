/** What happened in a part, line by line with the time, in a file beside its result. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** The log of one part. */
export class PartLog {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  /** Writes a line. */
  note(text: string): void {
    writeSync(this.#file, `${new Date().toISOString()} ${text}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
