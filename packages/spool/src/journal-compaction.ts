/**
 * Compaction of the completion journal (durability rule 17). Objects that are old enough are merged, those of dead owners too, into
 * few large ones; on the way every entry whose queue id is in no object of the spool is stamped with the time, and goes once it has
 * been absent for a day, asked again. So the number of objects is bounded by what the last day wrote, and stays so.
 *
 * A merged object stands before what it was made of goes, and has stood for a while then, as with rolling up. It names the range
 * of counters that it stands for: whatever lies in that range besides is superfluous, after a crash too, and whoever made it.
 * The newest object of a shard in the present generation stays, be it empty: it says how far the streams had come (rule 18).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type JournalEntry, type JournalObject, completesAlone } from '@railpost/contracts';
import { ContentCorruptError, ObjectMissingError } from './errors.ts';
import {
  type JournalObjectName,
  compareJournalNames,
  covers,
  decodeJournalObject,
  encodeJournalObject,
  journalPrefix,
  parseJournalObjectKey,
  rolledUpObjectKey,
} from './journal-format.ts';
import { finishedEntry } from './journal-folding.ts';
import type { ObjectStore } from './object-store.ts';

/** What a run goes by; times in milliseconds. */
export interface JournalCompactionOptions {
  /** The present one. Of others no empty object is kept. */
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Younger objects are left alone: their owners may still be at them. */
  readonly olderThanMs: number;
  /** For how long a queue id must have been in no object of the spool before its entries go. */
  readonly keepMs: number;
  /** Whether some object of the spool holds the message, by a listing made after `nowMs - olderThanMs`. */
  readonly isPresent: (queueId: string) => boolean;
  /** Asked right before each group of removals (rule 15); false ends the run. */
  readonly mayRemove: () => Promise<boolean>;
  /** When objects are worth reading again, by key; kept by the caller from run to run, empty at first. */
  readonly dueAtMs: Map<string, number>;
  /** Time between the last merged object and the first removal. */
  readonly pauseMs: number;
  /** Most octets of objects that become one; at least two are merged all the same. @default 4 MiB */
  readonly maxBytes?: number;
  /** Called when the merged objects stand, before the first removal. */
  readonly onMerged?: () => void;
  readonly signal: AbortSignal;
}

/** What a run did. */
export interface JournalCompactionResult {
  /** Objects listed. */
  readonly objects: number;
  readonly made: number;
  readonly removed: number;
  /** Entries that went. */
  readonly dropped: number;
}

interface Listed extends JournalObjectName {
  readonly bytes: number;
}

const removedAtOnce = 16;

/** Runs once. @throws SpoolUnavailableError; then it may simply be run again */
export async function compactJournal(
  store: ObjectStore,
  options: JournalCompactionOptions,
): Promise<JournalCompactionResult> {
  const names = await listNames(store);
  const compaction = new Compaction(store, options);
  let superfluous: Listed[] = [];
  for (const own of Map.groupBy(names, ({ generation, shard }) => `${generation} ${shard}`).values()) {
    const { covered, open } = partition(own);
    superfluous.push(...covered);
    const newest = open.at(-1);
    for (const batch of batchesOf(open, options)) {
      if (options.signal.aborted) break;
      await compaction.compact(batch, newest?.generation === options.generation && batch.includes(newest));
    }
  }
  superfluous = [...superfluous, ...compaction.replaced];
  const { made, dropped } = compaction;
  const removed = superfluous.length === 0 ? 0 : await removeAll(store, superfluous, options);
  return { objects: names.length, made, removed, dropped };
}

async function listNames(store: ObjectStore): Promise<Listed[]> {
  const names: Listed[] = [];
  for await (const { key, bytes } of store.list(journalPrefix)) {
    const name = parseJournalObjectKey(key);
    if (name !== undefined) names.push({ ...name, bytes });
  }
  return names.sort(compareJournalNames);
}

/** What a wider object stands for already, and the others; of one generation and shard, in the order of reading. */
function partition(names: readonly Listed[]): { readonly covered: Listed[]; readonly open: Listed[] } {
  // In this order whatever covers an object stands behind it, and what is covered itself has a cover that is not.
  const covered: Listed[] = [];
  const open: Listed[] = [];
  for (const name of names.toReversed()) {
    const isCovered = open.some((wide) => covers(wide, name));
    if (isCovered) covered.push(name);
    else open.push(name);
  }
  return { covered, open: open.reverse() };
}

/** Neighbours of one owner that are to become one object; a single one when it is due. */
function* batchesOf(open: readonly Listed[], options: JournalCompactionOptions): Iterable<Listed[]> {
  const { nowMs, olderThanMs, maxBytes = 2 ** 22, dueAtMs } = options;
  let batch: Listed[] = [];
  let bytes = 0;
  const isWorthIt = () => batch.length > 1 || batch.some(({ key }) => (dueAtMs.get(key) ?? 0) <= nowMs);
  for (const name of open) {
    const isYoung = name.timeMs >= nowMs - olderThanMs;
    const isOther = name.epoch !== batch[0]?.epoch || bytes + name.bytes > maxBytes;
    if (isOther || isYoung) {
      if (isWorthIt()) yield batch;
      batch = [];
      bytes = 0;
    }
    if (isYoung) continue;
    batch.push(name);
    bytes += name.bytes;
  }
  if (isWorthIt()) yield batch;
}

async function removeAll(
  store: ObjectStore,
  superfluous: readonly Listed[],
  options: JournalCompactionOptions,
): Promise<number> {
  const { signal } = options;
  options.onMerged?.();
  await sleep(options.pauseMs, undefined, { signal }).catch(() => undefined);
  let removed = 0;
  while (removed < superfluous.length && !signal.aborted) {
    if (!(await options.mayRemove())) break;
    const next = superfluous.slice(removed, removed + removedAtOnce);
    await Promise.all(next.map(({ key }) => store.remove(key)));
    for (const { key } of next) options.dueAtMs.delete(key);
    removed += next.length;
  }
  return removed;
}

/** The work of a run. */
class Compaction {
  /** Objects whose entries stand elsewhere now, or are not needed any more. */
  readonly replaced: Listed[] = [];
  made = 0;
  dropped = 0;
  readonly #store: ObjectStore;
  readonly #options: JournalCompactionOptions;

  constructor(store: ObjectStore, options: JournalCompactionOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Makes one object of a batch, or none when nothing in it is needed. @param isKept it stands even when it is empty */
  async compact(batch: readonly Listed[], isKept: boolean): Promise<void> {
    const objects = await this.#read(batch);
    const last = objects?.at(-1);
    if (objects === undefined || last === undefined) return;
    const before = objects.flatMap(({ entries }) => entries);
    const entries = this.#sift(before);
    const isNeeded = entries.length > 0 || isKept;
    if (isNeeded && batch.length === 1 && isSame(before, entries)) {
      this.#options.dueAtMs.set(batch[0]?.key ?? '', this.#nextLook(entries));
      return;
    }
    this.dropped += before.length - entries.length;
    if (isNeeded) await this.#write({ ...last, lastSequences: highestOf(objects), entries }, batch);
    this.replaced.push(...batch);
  }

  /** Undefined when one is gone (another keeper, or its owner, was faster) or damaged: then the batch stays as it is. */
  async #read(batch: readonly Listed[]): Promise<JournalObject[] | undefined> {
    const objects: JournalObject[] = [];
    try {
      for (const { key } of batch) objects.push(decodeJournalObject(key, await this.#store.read(key)));
      return objects;
    } catch (error) {
      if (error instanceof ObjectMissingError || error instanceof ContentCorruptError) return undefined;
      throw error;
    }
  }

  /** What stays: entries of messages in the spool, without a stamp; absent ones with theirs, until it is a day old. */
  #sift(entries: readonly JournalEntry[]): JournalEntry[] {
    const { nowMs, keepMs, isPresent } = this.#options;
    const kept: JournalEntry[] = [];
    for (const entry of entries) {
      const { absentSinceMs, ...fact } = entry;
      if (isPresent(entry.queueId)) kept.push(absentSinceMs === undefined ? entry : fact);
      else if (absentSinceMs === undefined) kept.push(stamped(fact, nowMs));
      else if (absentSinceMs + keepMs > nowMs) kept.push(entry);
    }
    return kept;
  }

  async #write(object: JournalObject, batch: readonly Listed[]): Promise<void> {
    const key = rolledUpObjectKey(object, batch);
    // A name that is taken: another keeper made it of the same objects a moment ago.
    if ((await this.#store.create(key, [encodeJournalObject(object)])) === 'created') this.made += 1;
    else decodeJournalObject(key, await this.#store.read(key));
    this.#options.dueAtMs.set(key, this.#nextLook(object.entries));
  }

  /** When all of it can go; while something of it is in the spool, four times in that span. */
  #nextLook(entries: readonly JournalEntry[]): number {
    const { nowMs, keepMs } = this.#options;
    let latest = 0;
    for (const { absentSinceMs } of entries) {
      if (absentSinceMs === undefined) return nowMs + keepMs / 4;
      latest = Math.max(latest, absentSinceMs);
    }
    return latest + keepMs;
  }
}

/** What is remembered of a message that is gone. With its original finished, nobody needs to know what that expanded to. */
function stamped(entry: JournalEntry, absentSinceMs: number): JournalEntry {
  if (!completesAlone(entry) || entry.orig < 0) return { ...entry, absentSinceMs };
  return finishedEntry(entry.queueId, entry.orig, entry.kind, absentSinceMs);
}

function isSame(before: readonly JournalEntry[], after: readonly JournalEntry[]): boolean {
  return before.length === after.length && after.every((entry, index) => entry === before[index]);
}

/** The highest of each stream. */
function highestOf(objects: readonly JournalObject[]): Record<string, number> {
  const highest: Record<string, number> = {};
  for (const { lastSequences } of objects)
    for (const [name, sequence] of Object.entries(lastSequences))
      highest[name] = Math.max(highest[name] ?? 0, sequence);
  return highest;
}
