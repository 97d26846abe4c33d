/**
 * The completion journal's objects: `journal/<generation>/<shard>/<time>-<epoch>-<counter>` in the spool, each the JSON of a
 * JournalObject, a line feed, and the SHA-256 of the JSON in hex. A rolled-up object's name ends in `~<first counter>`: it holds
 * the entries of that object and all to <counter>, and its time is a millisecond behind the latest of theirs, so that a listing in
 * the order of names meets it behind all of them.
 */
import { hash } from 'node:crypto';
import { JournalEntry, type JournalObject } from '@railpost/contracts';
import { ContentCorruptError } from './errors.ts';
import {
  StoredJournalObject,
  finishedEntry,
  finishedPattern,
  foldFinished,
  unfoldFinished,
} from './journal-folding.ts';

/** Prefix of all journal objects. */
export const journalPrefix = 'journal/';

/** What the name of a journal object says. */
export interface JournalObjectName {
  readonly key: string;
  readonly generation: number;
  readonly shard: number;
  readonly timeMs: number;
  readonly epoch: number;
  readonly counter: number;
  /** Below `counter` in rolled-up objects: the first one it covers. */
  readonly firstCounter: number;
}

const namePattern = /^journal\/(\d+)\/(\d+)\/(\d+)-(\d+)-(\d+)(?:~(\d+))?$/;

/** Prefix of the objects of one shard in one generation. */
export function journalShardPrefix(generation: number, shard: number): string {
  return `${journalPrefix}${generation}/${shard}/`;
}

/** The name of an object written at `timeMs` (milliseconds since the epoch). */
export function journalObjectKey(object: JournalObject, timeMs: number): string {
  const { generation, shard, epoch, counter } = object;
  const time = String(timeMs).padStart(13, '0');
  return `${journalShardPrefix(generation, shard)}${time}-${epoch}-${counter}`;
}

/** The name of the object that holds the entries of `originals`, in the order of their counters. */
export function rolledUpObjectKey(object: JournalObject, originals: readonly JournalObjectName[]): string {
  const latestMs = Math.max(...originals.map(({ timeMs }) => timeMs));
  return `${journalObjectKey(object, latestMs + 1)}~${originals[0]?.firstCounter ?? object.counter}`;
}

/**
 * Order of reading: generations and shards ascending, within a shard by epoch and counter (never by clock); a rolled-up object
 * directly behind the last one it covers, the later of two with one range behind the earlier.
 */
export function compareJournalNames(left: JournalObjectName, right: JournalObjectName): number {
  return (
    left.generation - right.generation ||
    left.shard - right.shard ||
    left.epoch - right.epoch ||
    left.counter - right.counter ||
    right.firstCounter - left.firstCounter ||
    left.timeMs - right.timeMs
  );
}

/**
 * True when `wide` was made of `narrow`, or of objects that were: its range of counters holds that of `narrow`; with equal ranges the later
 * one is the copy. Of any number of objects that cover each other the last one is covered by none.
 */
export function covers(wide: JournalObjectName, narrow: JournalObjectName): boolean {
  if (wide.key === narrow.key || wide.epoch !== narrow.epoch) return false;
  if (wide.generation !== narrow.generation || wide.shard !== narrow.shard) return false;
  if (wide.firstCounter > narrow.firstCounter || wide.counter < narrow.counter) return false;
  const isEqual = wide.firstCounter === narrow.firstCounter && wide.counter === narrow.counter;
  return !isEqual || wide.timeMs > narrow.timeMs;
}

/** Parses a name; undefined when it is none. */
export function parseJournalObjectKey(key: string): JournalObjectName | undefined {
  const match = namePattern.exec(key);
  if (match === null) return undefined;
  const [generation = 0, shard = 0, timeMs = 0, epoch = 0, counter = 0] = match.slice(1, 6).map(Number);
  const firstCounter = match[6] === undefined ? counter : Number(match[6]);
  return { key, generation, shard, timeMs, epoch, counter, firstCounter };
}

/** The octets of a journal object. */
export function encodeJournalObject(object: JournalObject): Uint8Array {
  const json = JSON.stringify(foldFinished(object));
  return Buffer.from(`${json}\n${hash('sha256', json)}\n`, 'utf8');
}

/** @throws ContentCorruptError */
export function decodeJournalObject(key: string, octets: Uint8Array): JournalObject {
  const text = Buffer.from(octets).toString('utf8');
  const end = text.length - 66;
  const json = text.slice(0, Math.max(0, end));
  if (text.slice(Math.max(0, end)) !== `\n${hash('sha256', json)}\n`) {
    throw new ContentCorruptError(key, 'checksum of the journal object differs');
  }
  try {
    return unfoldFinished(StoredJournalObject.parse(JSON.parse(json)));
  } catch (error) {
    throw new ContentCorruptError(key, 'the journal object cannot be read', error);
  }
}

/** One entry as `JSON.stringify` writes it: flat, `queueId` first. Of a truncated or flipped text, whole entries still match. */
const entryPattern = /\{"queueId":"(?:[^"\\]|\\.)*"(?:,"\w+":(?:"(?:[^"\\]|\\.)*"|\d+))*\}/g;

/**
 * What can be read of a damaged object: its entries that are whole, under the facts that its name tells. An entry with a flipped
 * bit that is still an entry names a recipient that does not exist, so it says nothing; for deleting anything it is too weak a witness.
 */
export function salvageJournalObject(name: JournalObjectName, octets: Uint8Array): JournalObject {
  const { generation, shard, epoch, counter, timeMs } = name;
  const entries: JournalEntry[] = [];
  const whole = Buffer.from(octets).toString('utf8');
  // A message that is finished as a whole has no original that is not: a flipped number does no harm.
  for (const [, queueId = '', orig] of whole.matchAll(finishedPattern))
    entries.push(finishedEntry(queueId, Number(orig), 'delivered', timeMs));
  for (const [text] of whole.matchAll(entryPattern)) {
    const entry = JournalEntry.safeParse(parseOrNothing(text));
    if (entry.success) entries.push(entry.data);
  }
  const at = new Date(timeMs).toISOString();
  return { version: 1, generation, shard, epoch, counter, at, lastSequences: {}, entries };
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The pattern lets some escapes pass that JSON does not know.
    return undefined;
  }
}
