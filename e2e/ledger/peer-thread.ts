/** Asks the thread that looks up processes (peer-worker.ts). */
import { Worker } from 'node:worker_threads';
import type { PeerQuestion } from './peer-table.ts';
import type { FromPeerThread, ToPeerThread } from './peer-worker.ts';

/** A running thread; it ends with the one that started it. */
export class PeerThread {
  readonly #worker = new Worker(new URL('./peer-worker.ts', import.meta.url));
  readonly #open = new Map<number, (pid: number | undefined) => void>();
  #questions = 0;

  constructor() {
    this.#worker.on('message', ({ question, pid }: FromPeerThread) => {
      this.#open.get(question)?.(pid);
      this.#open.delete(question);
    });
  }

  /** Says which processes live, ids and names. */
  setLiving(living: readonly (readonly [number, string])[]): void {
    this.#worker.postMessage({ living } satisfies ToPeerThread);
  }

  /** The delivery agent at the other end; undefined when none holds it (any more). */
  processAt(connection: PeerQuestion): Promise<number | undefined> {
    this.#questions += 1;
    const question = this.#questions;
    const { peerPort, ownPort } = connection;
    this.#worker.postMessage({ peerPort, ownPort, question } satisfies ToPeerThread);
    return new Promise((resolve) => {
      this.#open.set(question, resolve);
    });
  }
}
