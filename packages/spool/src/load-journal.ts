/**
 * Reading the completion journal, a few objects ahead, so that a takeover on a remote store does not wait for each in turn.
 */
import type { JournalObject } from '@railpost/contracts';
import { ContentCorruptError, ObjectMissingError, SpoolUnavailableError } from './errors.ts';
import {
  type JournalObjectName,
  compareJournalNames,
  decodeJournalObject,
  journalPrefix,
  journalShardPrefix,
  parseJournalObjectKey,
  salvageJournalObject,
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
  /** Told of each damaged object; then reading goes on with those of its entries that are whole. Without it a damaged object is an error. */
  readonly onDamaged?: (damage: JournalDamage) => void;
}

/** A journal object that is not what was written. */
export interface JournalDamage {
  readonly key: string;
  readonly reason: string;
  /** Entries that could be read all the same. What the others say is missing. */
  readonly salvaged: number;
}

/** Objects read ahead, and octets of them. */
const readAhead = 8;
const readAheadBytes = 2 ** 24;
/** How often in a row the listing may name an object first that then cannot be read. */
const missesInARow = 20;

/** A name as listed. */
interface Listed extends JournalObjectName {
  readonly bytes: number;
}

/**
 * Reads the journal: generations and shards ascending, within a shard in the order of epoch and counter (never by clock).
 * While it is rolled up meanwhile, entries may come twice, never not at all.
 * @throws ContentCorruptError unless `onDamaged` is given; SpoolUnavailableError
 */
export async function* loadJournal(
  store: ObjectStore,
  selection: JournalSelection = {},
): AsyncIterable<JournalObject> {
  let from: Listed | undefined;
  let misses = 0;
  do {
    const names = await listJournal(store, selection, from);
    from = undefined;
    for await (const [name, object] of readInOrder(store, names, selection.onDamaged)) {
      if (object !== undefined) {
        misses = 0;
        yield object;
        continue;
      }
      // It was rolled up since: its entries stand in an object that sorts behind it.
      from = name;
      misses += 1;
      if (misses > missesInARow)
        throw new SpoolUnavailableError(`${name.key} is listed but cannot be read`, { effect: 'none' });
      break;
    }
  } while (from !== undefined);
}

/** Names with their objects, undefined for one that is gone. Reads a few ahead. */
async function* readInOrder(
  store: ObjectStore,
  names: readonly Listed[],
  onDamaged: JournalSelection['onDamaged'],
): AsyncIterable<[Listed, JournalObject | undefined]> {
  const running: { readonly name: Listed; readonly reading: Promise<JournalObject | undefined> }[] = [];
  let bytesAhead = 0;
  let next = 0;
  for (;;) {
    for (
      let name = names[next];
      name !== undefined && hasRoom(running.length, bytesAhead);
      name = names[next]
    ) {
      const reading = readObject(store, name, onDamaged);
      reading.catch(() => undefined); // it is thrown when its turn comes
      running.push({ name, reading });
      bytesAhead += name.bytes;
      next += 1;
    }
    const first = running.shift();
    if (first === undefined) return;
    const object = await first.reading;
    bytesAhead -= first.name.bytes;
    yield [first.name, object];
  }
}

function hasRoom(count: number, bytes: number): boolean {
  return count < readAhead && bytes < readAheadBytes;
}

/** What is selected, in the order of reading; from that name on, if one is given. */
async function listJournal(
  store: ObjectStore,
  selection: JournalSelection,
  from: Listed | undefined,
): Promise<Listed[]> {
  const { generation, shard, sinceMs = 0 } = selection;
  const ofGeneration = generation === undefined ? journalPrefix : `${journalPrefix}${generation}/`;
  const prefix =
    generation === undefined || shard === undefined ? ofGeneration : journalShardPrefix(generation, shard);
  const names: Listed[] = [];
  for await (const { key, bytes } of store.list(prefix)) {
    const name = parseJournalObjectKey(key);
    if (name === undefined || name.timeMs < sinceMs) continue;
    if (from !== undefined && compareJournalNames(name, from) < 0) continue;
    if (shard === undefined || name.shard === shard) names.push({ ...name, bytes });
  }
  return names.sort(compareJournalNames);
}

async function readObject(
  store: ObjectStore,
  name: JournalObjectName,
  onDamaged: JournalSelection['onDamaged'],
): Promise<JournalObject | undefined> {
  try {
    return await readTwice(store, name.key);
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    if (!(error instanceof ContentCorruptError) || onDamaged === undefined) throw error;
    const octets = await store.read(name.key);
    const salvaged = salvageJournalObject(name, octets);
    onDamaged({ key: name.key, reason: error.message, salvaged: salvaged.entries.length });
    return salvaged;
  }
}

/** True when the object can be read as it was written, or is gone. @throws SpoolUnavailableError */
export async function isJournalObjectIntact(store: ObjectStore, key: string): Promise<boolean> {
  try {
    await readTwice(store, key);
    return true;
  } catch (error) {
    if (error instanceof ObjectMissingError) return true;
    if (error instanceof ContentCorruptError) return false;
    throw error;
  }
}

/** A bit may have flipped on the way to us, so a damaged object is read once more. */
async function readTwice(store: ObjectStore, key: string): Promise<JournalObject> {
  try {
    return decodeJournalObject(key, await store.read(key));
  } catch (error) {
    if (!(error instanceof ContentCorruptError)) throw error;
    return decodeJournalObject(key, await store.read(key));
  }
}
