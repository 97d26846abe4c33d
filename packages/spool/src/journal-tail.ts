/**
 * Following the completion journal: each call hands on what was written since the last one, every entry at least once. It lists all
 * names (rolling up and compaction keep them few) and reads an object only when something of its range has not been read yet, the
 * widest ranges first: so a rolled-up object spares its originals. What it remembers is a few ranges of counters per owner.
 */
import type { JournalObject } from '@railpost/contracts';
import { ContentCorruptError, ObjectMissingError } from './errors.ts';
import {
  type JournalObjectName,
  decodeJournalObject,
  journalPrefix,
  parseJournalObjectKey,
} from './journal-format.ts';
import type { ObjectStore } from './object-store.ts';

/** Follows the journal of all generations and shards. */
export interface JournalTail {
  /**
   * Reads what is new among objects named before `beforeMs` (milliseconds since the epoch, by the writers' clocks). Not in order. An object that
   * was rolled up meanwhile is left to the next call, and so is a damaged one.
   * @throws SpoolUnavailableError; what was handed on already is not read again
   */
  readNew(beforeMs: number, onObject: (object: JournalObject) => void): Promise<JournalProgress>;
}

/** What a call did. */
export interface JournalProgress {
  readonly listed: number;
  readonly read: number;
  /** Keys of objects that cannot be read: what they say is missing until somebody mends them. */
  readonly damaged: readonly string[];
}

type ReadResult = 'read' | 'known' | 'gone' | 'damaged';

const readAhead = 8;

/** Opens a tail that has read nothing. @param sinceMs objects named before are passed over, milliseconds since the epoch */
export function openJournalTail(store: ObjectStore, sinceMs = 0): JournalTail {
  const known = new Map<string, CounterRanges>();

  function rangesOf(name: JournalObjectName): CounterRanges {
    const owner = `${name.generation} ${name.shard} ${name.epoch}`;
    const ranges = known.get(owner) ?? new CounterRanges();
    known.set(owner, ranges);
    return ranges;
  }

  async function readOne(
    name: JournalObjectName,
    onObject: (object: JournalObject) => void,
  ): Promise<ReadResult> {
    const ranges = rangesOf(name);
    // Asked again: a wider object that came first may have been read meanwhile.
    if (ranges.includes(name.firstCounter, name.counter)) return 'known';
    const object = await readIfPresent(store, name.key);
    if (object === 'damaged' || object === 'gone') return object;
    onObject(object);
    ranges.add(name.firstCounter, name.counter);
    return 'read';
  }

  return {
    async readNew(beforeMs, onObject) {
      const names = await listNames(store, (name) => name.timeMs >= sinceMs && name.timeMs < beforeMs);
      const width = (name: JournalObjectName) => name.counter - name.firstCounter;
      names.sort((left, right) => width(right) - width(left));
      let read = 0;
      const damaged: string[] = [];
      // A width is finished before the next one begins, so that originals meet the ranges that cover them.
      for (let start = 0; start < names.length; start += readAhead) {
        const next = names.slice(start, start + readAhead);
        const results = await Promise.all(next.map((name) => readOne(name, onObject)));
        read += results.filter((result) => result === 'read').length;
        damaged.push(...next.flatMap(({ key }, index) => (results[index] === 'damaged' ? [key] : [])));
      }
      return { listed: names.length, read, damaged };
    },
  };
}

async function listNames(
  store: ObjectStore,
  isWanted: (name: JournalObjectName) => boolean,
): Promise<JournalObjectName[]> {
  const names: JournalObjectName[] = [];
  for await (const { key } of store.list(journalPrefix)) {
    const name = parseJournalObjectKey(key);
    if (name !== undefined && isWanted(name)) names.push(name);
  }
  return names;
}

async function readIfPresent(store: ObjectStore, key: string): Promise<JournalObject | 'gone' | 'damaged'> {
  try {
    return decodeJournalObject(key, await store.read(key));
  } catch (error) {
    if (error instanceof ObjectMissingError) return 'gone';
    if (error instanceof ContentCorruptError) return 'damaged';
    throw error;
  }
}

/** Counters that were read, as few ranges as possible: one, in the long run. */
export class CounterRanges {
  /** Ascending, disjoint, never adjacent. */
  #ranges: { readonly first: number; readonly last: number }[] = [];

  get size(): number {
    return this.#ranges.length;
  }

  includes(first: number, last: number): boolean {
    return this.#ranges.some((each) => each.first <= first && last <= each.last);
  }

  add(first: number, last: number): void {
    let low = first;
    let high = last;
    const apart: { readonly first: number; readonly last: number }[] = [];
    for (const each of this.#ranges) {
      if (each.last < first - 1 || each.first > last + 1) {
        apart.push(each);
        continue;
      }
      low = Math.min(low, each.first);
      high = Math.max(high, each.last);
    }
    apart.push({ first: low, last: high });
    this.#ranges = apart.sort((left, right) => left.first - right.first);
  }
}
