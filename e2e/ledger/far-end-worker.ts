/**
 * The thread of the far ends: an event loop of their own, so that they answer as fast as a server does, whatever the ledger is busy with.
 * Tells of each arrival; hears who lives.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Arrival } from './book.ts';
import { startFarEnds } from './far-ends.ts';
import type { FarEndPorts } from './manifests.ts';
import { PeerThread } from './peer-thread.ts';

/** What the thread says. */
export type FromFarEnds = { readonly ports: FarEndPorts } | { readonly arrival: Arrival };

/** What it is told: process ids and names of the living. */
export type ToFarEnds = readonly (readonly [number, string])[];

const port = parentPort;
if (port === null) throw new Error('runs as a thread of the ledger only');
const say = (word: FromFarEnds) => port.postMessage(word);
const peers = new PeerThread();
port.on('message', (living: ToFarEnds) => peers.setLiving(living));
const farEnds = await startFarEnds({
  run: String(workerData),
  book: { noteArrival: (arrival) => say({ arrival }) },
  peers,
});
say({ ports: farEnds.ports });
