/**
 * What the keeper reads: segments that are new since the last round, by their indexes, then the journal. In this order, so that whoever
 * an entry speaks of is known: a journal object that was named before the listing of segments began speaks of messages that were in the
 * spool by then.
 *
 * Listing goes on where the last one began, minus an overlap. What appears later than that under an old name (a slow PUT, another keeper's
 * copy) is found by the listing of everything, once in a while. A message that turns up when entries about it may have been
 * passed over already gets a second look: the journal since its beginning is read again.
 */
import { queueIdPattern, queueIdTimeMs } from '@railpost/mail';
import {
  ContentCorruptError,
  type JournalTail,
  type ListedObject,
  ObjectMissingError,
  loadJournal,
  openJournalTail,
  readSegment,
  segmentListingStart,
  segmentPrefix,
  segmentTimeMs,
} from '@railpost/spool';
import { journalDamaged, segmentDamaged } from '../events.ts';
import type { KeeperContext } from '../keeper-task.ts';
import { Reports } from './reports.ts';
import type { IndexedRecord, SpoolIndex } from './spool-index.ts';

/** Times of reading, milliseconds. */
export interface GatherTiming {
  /** Clocks of writers and keeper may differ by this much; younger journal objects are left to the next round. */
  readonly settleMs: number;
  /** Time between two listings of everything. */
  readonly listAllEveryMs: number;
  /** Time between two second looks. */
  readonly secondLookEveryMs: number;
}

/** What a round read. */
export interface Gathered {
  readonly segmentsRead: number;
  readonly journalObjects: number;
  readonly journalRead: number;
}

const readAtOnce = 16;
/** PUTs that took longer, or were begun by a clock this far behind, are found by the listing of everything. */
const overlapMs = 120_000;
/** A report whose queue id is this much older than its segment may be a second copy of one that was delivered long ago. */
const lateReportMs = 60_000;
const journalSlackMs = 600_000;

/** Keeps an index up to date. */
export class Gatherer {
  readonly #context: Pick<KeeperContext, 'store' | 'clock' | 'log'>;
  readonly #timing: GatherTiming;
  readonly #index: SpoolIndex;
  /** Messages that entries may have been passed over of, with the time from which to read again. */
  readonly #doubtful = new Map<string, number>();
  readonly #damagedJournal = new Set<string>();
  readonly #reports: Reports;
  #tail: JournalTail | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #listing = 0;
  #listedAtMs: number | undefined;
  #listedAllAtMs = Number.NEGATIVE_INFINITY;
  #secondLookAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    context: Pick<KeeperContext, 'store' | 'clock' | 'log'>,
    timing: GatherTiming,
    index: SpoolIndex,
  ) {
    this.#context = context;
    this.#timing = timing;
    this.#index = index;
    this.#reports = new Reports(index);
  }

  /** Journal objects that cannot be read. */
  get damagedJournalObjects(): number {
    return this.#damagedJournal.size;
  }

  /** Lists everything in the next round. */
  requireFullListing(): void {
    this.#listedAllAtMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * One round of reading; rounds that several tasks ask for follow one another.
   * @throws SpoolUnavailableError, after which the next round goes on where this one was
   */
  read(signal: AbortSignal): Promise<Gathered> {
    const next = this.#reading.then(() => this.#readOnce(signal));
    this.#reading = next.catch(() => undefined);
    return next;
  }

  async #readOnce(signal: AbortSignal): Promise<Gathered> {
    signal.throwIfAborted();
    const { clock } = this.#context;
    const startedAtMs = clock.nowMs();
    const isFullDue = clock.monotonicMs() - this.#listedAllAtMs >= this.#timing.listAllEveryMs;
    const segmentsRead = isFullDue ? await this.#listAll(signal) : await this.#listNew(signal);
    signal.throwIfAborted();
    this.#listedAtMs = startedAtMs;
    const { listed, read } = await this.#readJournal(startedAtMs - this.#timing.settleMs);
    await this.#lookAgain(startedAtMs);
    this.#reports.release();
    return { segmentsRead, journalObjects: listed, journalRead: read };
  }

  async #listAll(signal: AbortSignal): Promise<number> {
    const startedAt = this.#context.clock.monotonicMs();
    this.#listing += 1;
    const count = await this.#list(undefined, signal);
    this.#index.remove(this.#index.unseenIn(this.#listing));
    this.#listedAllAtMs = startedAt;
    return count;
  }

  #listNew(signal: AbortSignal): Promise<number> {
    return this.#list(segmentListingStart((this.#listedAtMs ?? 0) - overlapMs), signal);
  }

  async #list(after: string | undefined, signal: AbortSignal): Promise<number> {
    let unread: ListedObject[] = [];
    let count = 0;
    for await (const listed of this.#context.store.list(segmentPrefix, after)) {
      signal.throwIfAborted();
      if (this.#index.noteSeen(listed.key, this.#listing)) continue;
      unread.push(listed);
      count += 1;
      if (unread.length < readAtOnce) continue;
      await Promise.all(unread.map((each) => this.#readSegment(each)));
      unread = [];
    }
    await Promise.all(unread.map((each) => this.#readSegment(each)));
    return count;
  }

  async #readSegment({ key, bytes }: ListedObject): Promise<void> {
    const timeMs = segmentTimeMs(key);
    if (timeMs === undefined) return;
    const facts = { key, bytes, timeMs };
    if (bytes === 0) return this.#index.add({ ...facts, state: 'void' }, [], this.#listing);
    try {
      const { records } = await readSegment(this.#context.store, key, bytes);
      const indexed = records.map(({ envelope, body }): IndexedRecord => {
        const { queueId, recipients, settles } = envelope;
        const isRetained = settles !== undefined;
        return { queueId, bytes: body.bytes, originals: recipients.length, isRetained };
      });
      this.#index.add({ ...facts, state: 'readable' }, indexed, this.#listing);
      for (const { envelope } of records)
        if (envelope.settles !== undefined) this.#reports.add(envelope.queueId, envelope.settles);
      this.#noteDoubts(timeMs, indexed);
    } catch (error) {
      if (error instanceof ObjectMissingError) return;
      if (!(error instanceof ContentCorruptError)) throw error;
      segmentDamaged(this.#context.log, { key, error: error.message });
      this.#index.add({ ...facts, state: 'damaged' }, [], this.#listing);
    }
  }

  #noteDoubts(timeMs: number, records: readonly IndexedRecord[]): void {
    // Before the journal was read for the first time nothing can have been passed over.
    if (this.#tail === undefined) return;
    const isLate = timeMs < (this.#listedAtMs ?? 0) - overlapMs;
    for (const { queueId } of records) {
      const idMs = queueIdPattern.test(queueId) ? queueIdTimeMs(queueId) : timeMs;
      if (isLate || idMs < timeMs - lateReportMs) this.#doubtful.set(queueId, Math.min(idMs, timeMs));
    }
  }

  async #readJournal(beforeMs: number): Promise<{ readonly listed: number; readonly read: number }> {
    const { store, log } = this.#context;
    this.#tail ??= openJournalTail(store, (this.#index.oldestMs() ?? beforeMs) - journalSlackMs);
    const { listed, read, damaged } = await this.#tail.readNew(beforeMs, ({ entries }) => {
      for (const entry of entries) this.#index.apply(entry);
    });
    for (const key of damaged) if (!this.#damagedJournal.has(key)) journalDamaged(log, { key });
    this.#damagedJournal.clear();
    for (const key of damaged) this.#damagedJournal.add(key);
    return { listed, read };
  }

  /** Reads the journal again for messages that came late. Rare, so the cost does not matter; often repeated it would. */
  async #lookAgain(nowMs: number): Promise<void> {
    const { clock, store } = this.#context;
    if (this.#doubtful.size === 0) return;
    if (clock.monotonicMs() - this.#secondLookAtMs < this.#timing.secondLookEveryMs) return;
    this.#secondLookAtMs = clock.monotonicMs();
    const sinceMs = Math.min(nowMs, ...this.#doubtful.values()) - journalSlackMs;
    const doubtful = new Set(this.#doubtful.keys());
    try {
      for await (const { entries } of loadJournal(store, { sinceMs }))
        for (const entry of entries) if (doubtful.has(entry.queueId)) this.#index.apply(entry);
    } catch (error) {
      // Said already; the next look may find it mended.
      if (error instanceof ContentCorruptError) return;
      throw error;
    }
    // Entries that are too young for the tail were seen now, so whoever is still open is open indeed.
    for (const queueId of doubtful) this.#doubtful.delete(queueId);
  }
}
