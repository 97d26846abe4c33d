/** Worker thread that checks SHA512-CRYPT hashes, so that the event loop goes on. Asked and answered by number. */
import { parentPort } from 'node:worker_threads';
import { verifySha512Crypt } from './sha512-crypt.ts';

/** A question to the worker. */
export interface HashQuestion {
  readonly id: number;
  readonly hash: string;
  readonly password: string;
}

/** Its answer. */
export interface HashAnswer {
  readonly id: number;
  readonly isMatch: boolean;
}

parentPort?.on('message', (question: HashQuestion) => {
  const isMatch = verifySha512Crypt(question.hash, question.password);
  parentPort?.postMessage({ id: question.id, isMatch } satisfies HashAnswer);
});
