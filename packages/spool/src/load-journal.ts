/**
 * Reading the completion journal, a few objects ahead, so that a takeover on a remote store does not wait for each in turn.
 */
import type { JournalObject } from '@railpost/contracts';
import { ObjectMissingError } from './errors.ts';
import {
  type JournalObjectName,
  decodeJournalObject,
  journalPrefix,
  parseJournalObjectKey,
} from './journal-format.ts';
import type { ObjectStore } from './object-store.ts';

/** What to load of the journal. */
export interface JournalSelection {
  /** All generations when omitted. */
  readonly generation?: number;
  /** All shards when omitted. */
  readonly shard?: number;
  /** Objects named before this time (milliseconds since the epoch, by the writer's clock) are passed over. */
  readonly sinceMs?: number;
}

const readAhead = 8;

/**
 * Reads the journal: generations and shards ascending, within a shard in the order of epoch and counter (never by clock).
 * @throws ContentCorruptError, SpoolUnavailableError
 */
export async function* loadJournal(
  store: ObjectStore,
  selection: JournalSelection = {},
): AsyncIterable<JournalObject> {
  const running: Promise<JournalObject | undefined>[] = [];
  for (const { key } of await listJournal(store, selection)) {
    const reading = readObject(store, key);
    reading.catch(() => undefined); // it is thrown when its turn comes
    running.push(reading);
    if (running.length < readAhead) continue;
    const object = await running.shift();
    if (object !== undefined) yield object;
  }
  for (const reading of running) {
    const object = await reading;
    if (object !== undefined) yield object;
  }
}

async function listJournal(store: ObjectStore, selection: JournalSelection): Promise<JournalObjectName[]> {
  const { generation, shard, sinceMs = 0 } = selection;
  const prefix =
    generation === undefined
      ? journalPrefix
      : `${journalPrefix}${generation}/${shard === undefined ? '' : `${shard}/`}`;
  const names: JournalObjectName[] = [];
  for await (const { key } of store.list(prefix)) {
    const name = parseJournalObjectKey(key);
    if (name === undefined || name.timeMs < sinceMs) continue;
    if (shard === undefined || name.shard === shard) names.push(name);
  }
  return names.sort(
    (left, right) =>
      left.generation - right.generation ||
      left.shard - right.shard ||
      left.epoch - right.epoch ||
      left.counter - right.counter,
  );
}

/** Undefined when the object went away since it was listed: its entries then stand in a rolled-up one. */
async function readObject(store: ObjectStore, key: string): Promise<JournalObject | undefined> {
  try {
    return decodeJournalObject(key, await store.read(key));
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}
