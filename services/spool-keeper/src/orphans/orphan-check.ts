/**
 * The orphan check (durability rule 20): messages of the spool that are not complete and that nobody has. Which are not complete the
 * index of the spool knows, kept up to date for this; whether owners have them is asked in turns, the young ones at once, a part of the
 * others in each round. Only what no owner knows is looked for everywhere. Missing twice, with time between, is an orphan.
 *
 * The index lags behind the journal by some minutes, because garbage collection reads it in large pieces. Owners remember what they have journalled
 * since; the young journal, many small objects, is read only for what they leave open.
 */
import { queueIdPattern, queueIdTimeMs } from '@railpost/mail';
import { type JournalTail, loadJournal, openJournalTail } from '@railpost/spool';
import type { SpoolView } from '../garbage/garbage-task.ts';
import type { KeeperContext } from '../keeper-task.ts';
import { type OwnersWord, askOwners, missingInQueue } from './where-mail-is.ts';

/** Times, milliseconds, and bounds. */
export interface OrphanTiming {
  /** Age from which a message must be somewhere: longer than ingress takes to publish. */
  readonly graceMs: number;
  /** Age up to which a message is asked about in each round. */
  readonly youngMs: number;
  /** Older messages that are asked about in one round. */
  readonly perRound: number;
}

/** Journal objects that may still be written by clocks behind ours, and those that the view left for later. */
const journalSlackMs = 15 * 60_000;
const clockAheadMs = 60_000;
/** A tail that was not used for so long would read again what the view has read meanwhile. */
const tailIdleMs = 5 * 60_000;

/** The check of one view of the spool. */
export class OrphanCheck {
  readonly #context: Pick<KeeperContext, 'bus' | 'store' | 'clock'>;
  readonly #timing: OrphanTiming;
  readonly #view: SpoolView;
  #tail: JournalTail | undefined;
  #tailUsedAtMs = 0;
  #cursor = 0;
  #missing: ReadonlySet<string> = new Set();
  #orphans: readonly string[] = [];

  constructor(
    context: Pick<KeeperContext, 'bus' | 'store' | 'clock'>,
    timing: OrphanTiming,
    view: SpoolView,
  ) {
    this.#context = context;
    this.#timing = timing;
    this.#view = view;
  }

  get view(): SpoolView {
    return this.#view;
  }

  /** Messages that nobody has, as of the last round. */
  get orphans(): readonly string[] {
    return this.#orphans;
  }

  /**
   * One round, to be called with some seconds between. When it rejects, nothing is known that was not before.
   * @throws BusUnavailableError, SpoolUnavailableError
   */
  async round(signal: AbortSignal): Promise<void> {
    await this.#view.gatherer.read(signal);
    const candidates = this.#candidates();
    const missing = await this.findMissing([...candidates, ...this.#missing], signal);
    const isNew = missing.filter((queueId) => !this.#missing.has(queueId));
    if (isNew.length > 0) await this.#readJournalOf(isNew);
    const { index } = this.#view;
    this.#orphans = missing.filter((queueId) => this.#missing.has(queueId));
    this.#missing = new Set(missing.filter((queueId) => index.isOpen(queueId)));
  }

  /** Of the messages, those that are not complete and nowhere now. @throws BusUnavailableError, SpoolUnavailableError */
  async findMissing(queueIds: readonly string[], signal: AbortSignal): Promise<string[]> {
    const { bus } = this.#context;
    const unknown = await this.#withoutJournalled(await askOwners(bus, [...new Set(queueIds)]));
    if (unknown.length === 0) return [];
    const missing = await this.#withoutJournalled(await missingInQueue(bus, unknown, signal));
    if (missing.length === 0) return [];
    await this.#readYoungJournal();
    return missing.filter((queueId) => this.#view.index.isOpen(queueId));
  }

  /** Takes those out that are complete by what owners have journalled; where their word is not enough the journal is read. */
  async #withoutJournalled({ unknown, journalled }: OwnersWord): Promise<readonly string[]> {
    const { index } = this.#view;
    const open = unknown.filter((queueId) => !index.wouldComplete(queueId, journalled.get(queueId) ?? 0));
    if (!open.some((queueId) => journalled.has(queueId))) return open;
    await this.#readYoungJournal();
    return open.filter((queueId) => index.isOpen(queueId));
  }

  /** All messages old enough that are not complete as far as the journal is read. */
  allOpen(): string[] {
    const nowMs = this.#context.clock.nowMs();
    return [...this.#view.index.openIds()].filter((queueId) => ageOf(queueId, nowMs) >= this.#timing.graceMs);
  }

  #candidates(): string[] {
    const nowMs = this.#context.clock.nowMs();
    const { graceMs, youngMs, perRound } = this.#timing;
    const first = this.#cursor;
    const found: string[] = [];
    let position = 0;
    for (const queueId of this.#view.index.openIds()) {
      const ageMs = ageOf(queueId, nowMs);
      const isTurn = position >= first && position < first + perRound;
      const isYoung = ageMs < youngMs && found.length < 2 * perRound;
      if (ageMs >= graceMs && (isTurn || isYoung)) found.push(queueId);
      position += 1;
    }
    this.#cursor = first + perRound >= position ? 0 : first + perRound;
    return found;
  }

  /** Entries may have been read before the segment of their message was: once for each that is missing, everything since it came. */
  async #readJournalOf(queueIds: readonly string[]): Promise<void> {
    const { store, clock } = this.#context;
    const nowMs = clock.nowMs();
    const wanted = new Set(queueIds);
    const oldestMs = Math.max(...queueIds.map((queueId) => ageOf(queueId, nowMs)));
    const sinceMs = Math.max(0, nowMs - oldestMs - journalSlackMs);
    // Damage is told by those who read the journal all the time.
    for await (const { entries } of loadJournal(store, { sinceMs, onDamaged: () => undefined }))
      for (const entry of entries) if (wanted.has(entry.queueId)) this.#view.index.apply(entry);
  }

  /** What the view leaves for later, because it removes things. Applied twice it does no harm. */
  async #readYoungJournal(): Promise<void> {
    const { store, clock } = this.#context;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#tailUsedAtMs > tailIdleMs) this.#tail = undefined;
    this.#tailUsedAtMs = nowMs;
    this.#tail ??= openJournalTail(store, clock.nowMs() - journalSlackMs);
    await this.#tail.readNew(clock.nowMs() + clockAheadMs, ({ entries }) => {
      for (const entry of entries) this.#view.index.apply(entry);
    });
  }
}

/** What is no queue id was never given by us and has no age. */
function ageOf(queueId: string, nowMs: number): number {
  return queueIdPattern.test(queueId) ? nowMs - queueIdTimeMs(queueId) : Number.POSITIVE_INFINITY;
}
