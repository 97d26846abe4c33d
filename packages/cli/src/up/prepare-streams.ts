/**
 * Streams and their generation (durability rule 18): streams that are made anew get a generation of their own, so that no
 * sequence of an old stream is ever met again. max_bytes are scaled down on small disks, because a stream that the disk
 * cannot hold fails without an error.
 */
import { statfs } from 'node:fs/promises';
import { type Bus, IncompatibleStreamError, ensureStreams } from '@railpost/bus';
import { createGeneration, currentGeneration, openObjectStore } from '@railpost/spool';
import { Complaint } from '../complaint.ts';

const gibibyte = 1024 ** 3;

/** What to prepare. */
export interface StreamsRequest {
  readonly bus: Bus;
  readonly spool: string;
  readonly shards: number;
  /** Folder on the disk that NATS writes to, when that is this machine's. */
  readonly natsFolder: string | undefined;
}

/** Makes streams, consumers and buckets exist; returns their generation. @throws Complaint */
export async function prepareStreams(request: StreamsRequest): Promise<number> {
  const { bus, spool, shards } = request;
  const store = await openObjectStore(spool);
  try {
    let generation = await currentGeneration(store);
    if (generation === 0 || !(await hasStreams(bus))) {
      generation += 1;
      await createGeneration(store, generation);
    }
    const maxBytes = await sizesFor(request.natsFolder);
    await ensureStreams(bus, { shards, generation, ...(maxBytes === undefined ? {} : { maxBytes }) });
    return generation;
  } catch (error) {
    if (error instanceof IncompatibleStreamError)
      throw new Complaint(`${error.message}; does NATS belong to another spool than ${spool}?`);
    throw error;
  } finally {
    await store.close();
  }
}

async function hasStreams(bus: Bus): Promise<boolean> {
  for await (const name of bus.manager.streams.names()) if (name === bus.names.incomingStream) return true;
  return false;
}

/** Undefined: the defaults (8 GiB in all) fit. */
async function sizesFor(
  folder: string | undefined,
): Promise<{ readonly incoming: number; readonly active: number; readonly defer: number } | undefined> {
  if (folder === undefined) return undefined;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= 20 * gibibyte) return undefined;
  // A quarter of what is free, in the proportions of the defaults (1:1:2).
  const unit = Math.max(Math.floor(free / 16), 32 * 1024 ** 2);
  return { incoming: unit, active: unit, defer: 2 * unit };
}
