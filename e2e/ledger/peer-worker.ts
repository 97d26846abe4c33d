/**
 * A thread that looks up processes (peer-table.ts), so that the far ends answer meanwhile. Questions that came while it was looking are
 * answered with one look.
 */
import { parentPort } from 'node:worker_threads';
import { type PeerQuestion, PeerTable } from './peer-table.ts';

/** What it is asked, with a number for the answer; or who lives, ids and names. */
export type ToPeerThread =
  | (PeerQuestion & { readonly question: number })
  | { readonly living: readonly (readonly [number, string])[] };

/** Its answer; no process when none holds the connection (any more). */
export interface FromPeerThread {
  readonly question: number;
  readonly pid: number | undefined;
}

const port = parentPort;
if (port === null) throw new Error('runs as a thread of the ledger only');
const peers = new PeerTable();
let asked: (PeerQuestion & { readonly question: number })[] = [];

port.on('message', (word: ToPeerThread) => {
  if ('living' in word) {
    peers.living = new Map(word.living);
    return;
  }
  if (asked.length === 0) setImmediate(answer);
  asked.push(word);
});

function answer(): void {
  const questions = asked;
  asked = [];
  const pids = peers.processesAt(questions, 'delivery-smtp');
  for (const [index, { question }] of questions.entries())
    port?.postMessage({ question, pid: pids[index] } satisfies FromPeerThread);
}
