/**
 * Rolling up the completion journal (durability rule 14): an owner's own objects that are older than a minute become one, then the
 * originals go. A rolled-up object sorts directly behind the last object it was made of, so a reader that meets both sees entries
 * twice and ends in the same state. It stands before any original is removed; whatever stops a run in between, the next one
 * finds the originals covered and removes them. Objects of other epochs are never touched, so a deposed owner may finish late.
 * What a dead owner's last run left is merged by compaction (journal-compaction.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry, JournalObject } from '@railpost/contracts';
import { ContentCorruptError, ObjectMissingError } from './errors.ts';
import {
  type JournalObjectName,
  decodeJournalObject,
  encodeJournalObject,
  journalShardPrefix,
  parseJournalObjectKey,
  rolledUpObjectKey,
} from './journal-format.ts';
import type { JournalOwner } from './journal-writer.ts';
import type { ObjectStore } from './object-store.ts';

/** Settings of a run. */
export interface JournalRollUpOptions {
  /** Clock that named the objects: the owner's. */
  readonly now: () => number;
  /** Younger objects are left alone, in milliseconds. @default 60000 */
  readonly olderThanMs?: number;
  /**
   * Pause between the last rolled-up object and the first removal, in milliseconds: a reader whose listing of a directory has
   * passed the new name already still finds the originals. @default 5000
   */
  readonly pauseMs?: number;
  /**
   * Most octets of originals in one rolled-up object; at least two are merged all the same. Encoding them holds the event loop up, by
   * some 20 ms at the default. @default 2 MiB
   */
  readonly maxBytes?: number;
  /** Most entries of one rolled-up object; at least two originals are merged all the same. @default 200000 */
  readonly maxEntries?: number;
  /** Octets of originals that the caller remembers to be durable; the others are read. */
  readonly recall?: (key: string) => Uint8Array | undefined;
  /** Ends the run at the next step; nothing has to be undone. */
  readonly signal?: AbortSignal;
  /** Called when the rolled-up objects stand, before the first original is removed. */
  readonly onMerged?: () => void;
}

/** What a run did. */
export interface JournalRollUpResult {
  /** Rolled-up objects made. */
  readonly made: number;
  /** Originals removed. */
  readonly removed: number;
}

const tries = 3;
const removedAtOnce = 8;

/**
 * Runs once. Not the newest object, though it be old: its writer may still be repeating it.
 * @throws SpoolUnavailableError, ContentCorruptError; then it may simply be run again
 */
export async function rollUpJournal(
  store: ObjectStore,
  owner: JournalOwner,
  options: JournalRollUpOptions,
): Promise<JournalRollUpResult> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await runOnce(store, owner, options);
    } catch (error) {
      // Another run of the same owner removed an original that we were about to read: it is covered in the next listing.
      if (!(error instanceof ObjectMissingError) || left === 0) throw error;
    }
  }
}

/** A name and the size of its object. */
interface Original extends JournalObjectName {
  readonly bytes: number;
}

async function runOnce(
  store: ObjectStore,
  owner: JournalOwner,
  options: JournalRollUpOptions,
): Promise<JournalRollUpResult> {
  const { signal } = options;
  const { covered, open } = await listOwn(store, owner);
  const merger = new Merger(store, options);
  const beforeMs = options.now() - (options.olderThanMs ?? 60_000);
  for (const original of open.slice(0, -1)) {
    // Counters, not clocks, say what lies between: behind the first young one nothing is merged, so that no range has holes.
    if (original.timeMs >= beforeMs || signal?.aborted === true) break;
    await addUnlessDamaged(merger, original);
  }
  await merger.flush();
  // The latest first: a reader comes from the other end, so it meets the gap once.
  const superfluous = [...covered, ...merger.merged].reverse();
  if (superfluous.length === 0 || signal?.aborted === true) return { made: merger.made, removed: 0 };
  options.onMerged?.();
  await sleep(options.pauseMs ?? 5000, undefined, { ...(signal === undefined ? {} : { signal }) }).catch(
    () => undefined,
  );
  return { made: merger.made, removed: await removeAll(store, superfluous, signal) };
}

/** A damaged object is left as it is, for a human; no range may reach over it. */
async function addUnlessDamaged(merger: Merger, original: Original): Promise<void> {
  try {
    await merger.add(original);
  } catch (error) {
    if (!(error instanceof ContentCorruptError)) throw error;
    await merger.flush();
  }
}

/** The owner's originals by counter: those that a rolled-up object covers, and the others. */
async function listOwn(
  store: ObjectStore,
  owner: JournalOwner,
): Promise<{ covered: Original[]; open: Original[] }> {
  const originals: Original[] = [];
  const ranges: { first: number; last: number }[] = [];
  for await (const { key, bytes } of store.list(journalShardPrefix(owner.generation, owner.shard))) {
    const name = parseJournalObjectKey(key);
    if (name === undefined || name.epoch !== owner.epoch) continue;
    if (name.firstCounter === name.counter) originals.push({ ...name, bytes });
    else ranges.push({ first: name.firstCounter, last: name.counter });
  }
  originals.sort((left, right) => left.counter - right.counter);
  const isCovered = ({ counter }: Original) =>
    ranges.some(({ first, last }) => first <= counter && counter <= last);
  const parts = Object.groupBy(originals, (each) => (isCovered(each) ? 'covered' : 'open'));
  return { covered: parts.covered ?? [], open: parts.open ?? [] };
}

async function removeAll(
  store: ObjectStore,
  originals: readonly Original[],
  signal: AbortSignal | undefined,
): Promise<number> {
  let removed = 0;
  while (removed < originals.length && signal?.aborted !== true) {
    const next = originals.slice(removed, removed + removedAtOnce);
    await Promise.all(next.map(({ key }) => store.remove(key)));
    removed += next.length;
  }
  return removed;
}

/** Gathers originals in the order of their counters and writes them as few objects of bounded size. */
class Merger {
  /** Originals whose entries stand in rolled-up objects now. */
  readonly merged: Original[] = [];
  made = 0;
  readonly #store: ObjectStore;
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  readonly #recall: NonNullable<JournalRollUpOptions['recall']>;
  #names: Original[] = [];
  #entries: JournalEntry[] = [];
  #lastSequences: Record<string, number> = {};
  #last: JournalObject | undefined;
  #bytes = 0;

  constructor(store: ObjectStore, options: JournalRollUpOptions) {
    this.#store = store;
    this.#maxBytes = options.maxBytes ?? 2 ** 21;
    this.#maxEntries = options.maxEntries ?? 200_000;
    this.#recall = options.recall ?? (() => undefined);
  }

  /** @throws ObjectMissingError when it is gone */
  async add(original: Original): Promise<void> {
    if (this.#bytes + original.bytes > this.#maxBytes && this.#names.length > 1) await this.flush();
    const octets = this.#recall(original.key) ?? (await this.#store.read(original.key));
    const object = decodeJournalObject(original.key, octets);
    if (this.#entries.length + object.entries.length > this.#maxEntries && this.#names.length > 1)
      await this.flush();
    this.#names.push(original);
    for (const entry of object.entries) this.#entries.push(entry);
    Object.assign(this.#lastSequences, object.lastSequences);
    this.#last = object;
    this.#bytes += original.bytes;
  }

  /** Writes what was gathered; a single original stays as it is. */
  async flush(): Promise<void> {
    const [first] = this.#names;
    if (first !== undefined && this.#last !== undefined && this.#names.length > 1)
      await this.#write({
        ...this.#last,
        lastSequences: this.#lastSequences,
        entries: this.#entries,
      });
    this.#names = [];
    this.#entries = [];
    this.#lastSequences = {};
    this.#last = undefined;
    this.#bytes = 0;
  }

  /** All of it follows from the originals, so that a repeated run writes the same octets under the same name. */
  async #write(object: JournalObject): Promise<void> {
    const key = rolledUpObjectKey(object, this.#names);
    const octets = encodeJournalObject(object);
    const result = await this.#store.create(key, [octets]);
    if (result === 'exists' && !Buffer.from(await this.#store.read(key)).equals(octets))
      throw new ContentCorruptError(key, 'the name of a rolled-up journal object is taken by another writer');
    if (result === 'created') this.made += 1;
    this.merged.push(...this.#names);
  }
}
