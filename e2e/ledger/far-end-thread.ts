/** Starts the far ends in a thread (far-end-worker.ts) and writes down what arrives there. */
import { Worker } from 'node:worker_threads';
import type { Book } from './book.ts';
import type { FromFarEnds, ToFarEnds } from './far-end-worker.ts';
import type { FarEndPorts } from './manifests.ts';

/** What the far ends need. */
export interface FarEndThreadOptions {
  /** Name of the run, as in the marks of its messages. */
  readonly run: string;
  readonly book: Book;
  /** For a canary: takes this share of arrivals without writing them down. */
  readonly forgets?: (number: number) => boolean;
}

/** Running far ends. */
export interface FarEndThread {
  readonly ports: FarEndPorts;
  /** Says which processes live, names by process id. */
  setLiving(living: ReadonlyMap<number, string>): void;
  stop(): Promise<void>;
}

/** Starts them. Rejects when the thread fails before it listens. */
export async function startFarEndThread(options: FarEndThreadOptions): Promise<FarEndThread> {
  const worker = new Worker(new URL('./far-end-worker.ts', import.meta.url), { workerData: options.run });
  const ports = await new Promise<FarEndPorts>((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (word: FromFarEnds) => {
      if ('ports' in word) return resolve(word.ports);
      const { arrival } = word;
      const isForgotten = arrival.kind === 'delivered' && options.forgets?.(arrival.number) === true;
      if (!isForgotten) options.book.noteArrival(arrival);
    });
  });
  return {
    ports,
    setLiving: (living) => worker.postMessage([...living] satisfies ToFarEnds),
    async stop() {
      await worker.terminate();
    },
  };
}
