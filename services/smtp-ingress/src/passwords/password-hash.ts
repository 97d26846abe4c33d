/**
 * Checks a password against a hash as Dovecot writes it: `{ARGON2ID}`, `{BLF-CRYPT}`, `{SHA512-CRYPT}`. None of them runs on the
 * event loop: argon2 and bcrypt have threads of their own, SHA512-CRYPT a worker that starts with its first use. A malformed or
 * unknown hash matches nothing.
 */
import { Worker } from 'node:worker_threads';
import { verify as verifyArgon2 } from '@node-rs/argon2';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import type { HashAnswer, HashQuestion } from './sha512-worker.ts';

/** Checks passwords; holds the worker. */
export class PasswordHasher {
  #worker: Worker | undefined;
  #nextId = 0;
  readonly #waiting = new Map<number, (isMatch: boolean) => void>();

  /** True when the password matches. Never rejects. */
  async verify(hash: string, password: string): Promise<boolean> {
    const parts = /^\{([A-Z0-9.-]+)\}(.*)$/s.exec(hash);
    const text = parts?.[2] ?? '';
    try {
      switch (parts?.[1]) {
        case 'ARGON2ID':
          return text.startsWith('$argon2id$') && (await verifyArgon2(text, password));
        case 'BLF-CRYPT':
          return await verifyBcrypt(password, text.replace(/^\$2[xy]\$/, '$2b$'));
        case 'SHA512-CRYPT':
          return await this.#verifySha512(text, password);
        default:
          return false;
      }
    } catch {
      // The libraries throw on hashes that they cannot parse: nobody logs in with one.
      return false;
    }
  }

  /** Ends the worker. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #verifySha512(hash: string, password: string): Promise<boolean> {
    this.#nextId += 1;
    const question: HashQuestion = { id: this.#nextId, hash, password };
    return new Promise((resolve) => {
      this.#waiting.set(question.id, resolve);
      this.#startedWorker().postMessage(question);
    });
  }

  #startedWorker(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./sha512-worker.ts', import.meta.url));
    worker.unref();
    worker.on('message', ({ id, isMatch }: HashAnswer) => this.#answer(id, isMatch));
    worker.on('error', () => this.#abandon());
    this.#worker = worker;
    return worker;
  }

  #answer(id: number, isMatch: boolean): void {
    this.#waiting.get(id)?.(isMatch);
    this.#waiting.delete(id);
  }

  /** The worker died: nobody who waits gets in; the next login starts another. */
  #abandon(): void {
    this.#worker = undefined;
    for (const id of [...this.#waiting.keys()]) this.#answer(id, false);
  }
}
