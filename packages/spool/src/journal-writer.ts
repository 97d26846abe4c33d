/**
 * Writing the completion journal. A shard's owner appends before it acks anything (durability rule 5); entries that come while an
 * object is being written go out together. Format and names: journal-format.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry, JournalObject } from '@railpost/contracts';
import { ByteCache } from './byte-cache.ts';
import { folderOf } from './disk-room.ts';
import { ContentCorruptError, SpoolUnavailableError } from './errors.ts';
import { encodeJournalObject, journalObjectKey } from './journal-format.ts';
import type { ObjectStore } from './object-store.ts';

/** Whose journal: one owner in one epoch. */
export interface JournalOwner {
  readonly generation: number;
  readonly shard: number;
  readonly epoch: number;
}

/** Settings of a journal writer. */
export interface JournalWriterOptions {
  /**
   * Least time between the beginnings of two objects, in milliseconds; an idle journal writes at once. In a bucket the next object waits
   * three times as long while less than {@link fullEntries} entries wait: a request costs as much for one entry as for many. @default 50
   */
  readonly spacingMs?: number;
  /** Clock for names. @default Date.now */
  readonly now?: () => number;
  /** Called for each failed try to write; the writer goes on trying. */
  readonly onFailure?: (error: SpoolUnavailableError) => void;
}

/** Appends to the journal of one shard. */
export interface JournalWriter {
  /** Whose journal it is; the epoch is that of the opening, also after the owner's fence moved. */
  readonly owner: JournalOwner;
  /**
   * Resolves when the entries are durable; however long that takes, since nothing may be acked before.
   * @param lastSequences last sequence known of each stream, by stream name (rules 17, 18); the latest value wins
   * @throws SpoolUnavailableError only after `close`
   */
  append(entries: readonly JournalEntry[], lastSequences: Readonly<Record<string, number>>): Promise<void>;
  /** The octets of an object of this writer that is durable, if it was written lately: whoever rolls it up need not read it. */
  recall(key: string): Uint8Array | undefined;
  /** Stops; tries once more to write what waits. */
  close(): Promise<void>;
}

const entriesPerObject = 20_000;
/** So many entries do not wait for more. */
const fullEntries = 64;
const gatheringSpacings = 3;
/** Octets of written objects that are remembered: two minutes of some hundred messages a second, of more a part. */
const rememberedBytes = 2 ** 23;
const firstPauseMs = 100;
const longestPauseMs = 5_000;

/** Opens the journal of a shard for its owner. */
export function openJournalWriter(
  store: ObjectStore,
  owner: JournalOwner,
  options: JournalWriterOptions = {},
): JournalWriter {
  return new GroupJournalWriter(store, owner, options);
}

interface Append {
  readonly entries: readonly JournalEntry[];
  resolve(): void;
  reject(error: unknown): void;
}

class GroupJournalWriter implements JournalWriter {
  readonly #store: ObjectStore;
  readonly owner: JournalOwner;
  readonly #options: JournalWriterOptions;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #written = new ByteCache(rememberedBytes, (key) => this.#store.read(key));
  #waiting: Append[] = [];
  #waitingEntries = 0;
  /** While an object waits for entries: ends that. */
  #full: AbortController | undefined;
  #lastSequences: Record<string, number> = {};
  #counter = 0;
  #work: Promise<void> | undefined;

  constructor(store: ObjectStore, owner: JournalOwner, options: JournalWriterOptions) {
    this.#store = store;
    this.owner = owner;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  append(entries: readonly JournalEntry[], lastSequences: Readonly<Record<string, number>>): Promise<void> {
    Object.assign(this.#lastSequences, lastSequences);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, resolve, reject });
      this.#waitingEntries += entries.length;
      if (this.#waitingEntries >= fullEntries) this.#full?.abort();
      this.#work ??= this.#run();
    });
  }

  recall(key: string): Uint8Array | undefined {
    return this.#written.peek(key);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  /** One object at a time, so that counters order them; ends when nothing waits. */
  async #run(): Promise<void> {
    // What is appended in this turn of the event loop goes into the first object.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const startedAtMs = performance.now();
      await this.#writeGroup(this.#takeGroup());
      await this.#gather(startedAtMs);
    }
    this.#work = undefined;
  }

  /** Until the next object is due. */
  async #gather(startedAtMs: number): Promise<void> {
    const { spacingMs = 50 } = this.#options;
    await this.#pauseUntil(startedAtMs + spacingMs, this.#stop.signal);
    const isBucket = folderOf(this.#store) === undefined;
    if (!isBucket || this.#waitingEntries >= fullEntries) return;
    this.#full = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, this.#full.signal]);
    await this.#pauseUntil(startedAtMs + gatheringSpacings * spacingMs, signal);
    this.#full = undefined;
  }

  async #pauseUntil(atMs: number, signal: AbortSignal): Promise<void> {
    const leftMs = atMs - performance.now();
    if (leftMs > 0) await sleep(leftMs, undefined, { signal }).catch(() => undefined);
  }

  #takeGroup(): Append[] {
    let entries = 0;
    let count = 0;
    for (const each of this.#waiting) {
      if (count > 0 && entries + each.entries.length > entriesPerObject) break;
      entries += each.entries.length;
      count += 1;
    }
    this.#waitingEntries -= entries;
    return this.#waiting.splice(0, count);
  }

  async #writeGroup(group: readonly Append[]): Promise<void> {
    const atMs = this.#now();
    this.#counter += 1;
    const object: JournalObject = {
      version: 1,
      ...this.owner,
      counter: this.#counter,
      at: new Date(atMs).toISOString(),
      lastSequences: { ...this.#lastSequences },
      entries: group.flatMap((each) => each.entries),
    };
    const key = journalObjectKey(object, atMs);
    const octets = encodeJournalObject(object);
    try {
      await this.#createStubbornly(key, octets);
      this.#written.put(key, octets);
      for (const each of group) each.resolve();
    } catch (error) {
      for (const each of group) each.reject(error);
    }
  }

  /** An entry is true whenever it lands, so a try without an answer is simply repeated; `exists` is our own earlier try. */
  async #createStubbornly(key: string, octets: Uint8Array): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        if ((await this.#store.create(key, [octets])) === 'exists') await this.#checkOurs(key, octets);
        return;
      } catch (error) {
        if (!(error instanceof SpoolUnavailableError)) throw error;
        this.#options.onFailure?.(error);
        if (this.#stop.signal.aborted) throw error;
      }
      await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #checkOurs(key: string, octets: Uint8Array): Promise<void> {
    if (Buffer.from(await this.#store.read(key)).equals(octets)) return;
    throw new ContentCorruptError(key, 'the name of a journal object is taken by another writer');
  }
}
