/**
 * How far the streams had come, as the spool remembers it (durability rules 17 and 18): in journal objects, written by owners, and in
 * `position/<generation>/<time>`, written every few seconds by the keeper, because nothing else remembers INCOMING. A stream that
 * is behind this has lost what it held: a copy from yesterday, a disk that was put back. Only the newest position objects are kept.
 */
import { z } from 'zod';
import { decodeJournalObject, journalPrefix, parseJournalObjectKey } from './journal-format.ts';
import type { JournalObjectName } from './journal-format.ts';
import { ContentCorruptError, ObjectMissingError } from './errors.ts';
import type { ObjectStore } from './object-store.ts';

/** Last sequence by stream name. */
export type StreamPositions = Readonly<Record<string, number>>;

const PositionObject = z.object({ version: z.literal(1), positions: z.record(z.string(), z.number()) });

const prefix = 'position/';
const kept = 2;

/** Writes the positions down, never a lower one than before, and removes older ones of the generation. @throws SpoolUnavailableError */
export async function recordPositions(
  store: ObjectStore,
  generation: number,
  positions: StreamPositions,
  nowMs: number,
): Promise<void> {
  const folder = `${prefix}${generation}/`;
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  const last = keys.at(-1);
  const highest = highestOf(last === undefined ? {} : await readOne(store, last), positions);
  const content = Buffer.from(`${JSON.stringify({ version: 1, positions: highest })}\n`, 'utf8');
  await store.create(`${folder}${String(nowMs).padStart(13, '0')}`, [content]);
  for (const key of keys.slice(0, 1 - kept)) await store.remove(key);
}

/** The highest position remembered of each stream of the generation. @throws SpoolUnavailableError */
export async function readPositions(store: ObjectStore, generation: number): Promise<StreamPositions> {
  let highest: StreamPositions = {};
  for await (const { key } of store.list(`${prefix}${generation}/`))
    highest = highestOf(highest, await readOne(store, key));
  for (const key of await newestJournalObjects(store, generation))
    highest = highestOf(highest, await readJournalled(store, key));
  return highest;
}

function highestOf(left: StreamPositions, right: StreamPositions): StreamPositions {
  const highest: Record<string, number> = { ...left };
  for (const [name, sequence] of Object.entries(right))
    highest[name] = Math.max(highest[name] ?? 0, sequence);
  return highest;
}

async function readOne(store: ObjectStore, key: string): Promise<StreamPositions> {
  const octets = await readIfThere(store, key);
  if (octets === undefined) return {};
  try {
    return PositionObject.parse(JSON.parse(Buffer.from(octets).toString('utf8'))).positions;
  } catch {
    // A damaged position is no position; the journal has its own.
    return {};
  }
}

async function readJournalled(store: ObjectStore, key: string): Promise<StreamPositions> {
  const octets = await readIfThere(store, key);
  try {
    return octets === undefined ? {} : decodeJournalObject(key, octets).lastSequences;
  } catch (error) {
    if (error instanceof ContentCorruptError) return {};
    throw error;
  }
}

/** Undefined when it was removed since it was listed. */
async function readIfThere(store: ObjectStore, key: string): Promise<Uint8Array | undefined> {
  try {
    return await store.read(key);
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    throw error;
  }
}

/** The last object of each shard by epoch and counter: an owner repeats in each what it knows. */
async function newestJournalObjects(store: ObjectStore, generation: number): Promise<string[]> {
  const newest = new Map<number, JournalObjectName>();
  for await (const { key } of store.list(`${journalPrefix}${generation}/`)) {
    const name = parseJournalObjectKey(key);
    if (name === undefined) continue;
    const known = newest.get(name.shard);
    const isNewer =
      known === undefined ||
      name.epoch > known.epoch ||
      (name.epoch === known.epoch && name.counter > known.counter);
    if (isNewer) newest.set(name.shard, name);
  }
  return [...newest.values()].map(({ key }) => key);
}
