/**
 * Streams before anything else runs (durability rule 18): those that NATS lacks, or has as an older copy, begin a new generation. The
 * sizes are scaled down on small disks, because a stream that the disk cannot hold fails without an error.
 */
import { statfs } from 'node:fs/promises';
import { type Bus, IncompatibleStreamError } from '@railpost/bus';
import { type PreparedStreams, prepareStreams as prepare } from '@railpost/runtime';
import { openObjectStore } from '@railpost/spool';
import { Complaint } from '../complaint.ts';

const gibibyte = 1024 ** 3;

/** Octets of all streams of a kind together. */
export interface StreamSizes {
  readonly incoming: number;
  readonly active: number;
  readonly defer: number;
}

/** What to prepare. */
export interface UpStreamsRequest {
  readonly bus: Bus;
  readonly spool: string;
  readonly shards: number;
  /** Undefined: the defaults (8 GiB in all) fit. */
  readonly sizes: StreamSizes | undefined;
}

/** Makes streams, consumers and buckets exist. @throws Complaint when NATS belongs to another spool */
export async function prepareStreams(request: UpStreamsRequest): Promise<PreparedStreams> {
  const { bus, spool, shards, sizes } = request;
  const store = await openObjectStore(spool);
  try {
    const streams = { shards, ...(sizes === undefined ? {} : { maxBytes: sizes }) };
    return await prepare({ bus, store, streams });
  } catch (error) {
    if (error instanceof IncompatibleStreamError)
      throw new Complaint(`${error.message} The spool is ${spool}.`);
    throw error;
  } finally {
    await store.close();
  }
}

/** Sizes that fit on the disk of the folder. @param folder undefined: NATS is not this machine's */
export async function streamSizesFor(folder: string | undefined): Promise<StreamSizes | undefined> {
  if (folder === undefined) return undefined;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= 20 * gibibyte) return undefined;
  // A quarter of what is free, in the proportions of the defaults (1:1:2).
  const unit = Math.max(Math.floor(free / 16), 32 * 1024 ** 2);
  return { incoming: unit, active: unit, defer: 2 * unit };
}
