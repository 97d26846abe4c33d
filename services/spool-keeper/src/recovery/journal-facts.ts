/**
 * What the journal says of every message it knows, in little memory (durability rules 12 and 14): 25 octets for a message whose
 * originals were completed by one entry each, which nearly all are; more only for those that are partly done or were ever on hold.
 * Entries are to be noted in the order of reading (generations and shards ascending, within a shard by epoch and counter).
 */
import {
  HoldSet,
  type JournalEntry,
  OriginalProgress,
  type RecipientHistory,
  completesAlone,
} from '@railpost/contracts';
import type { Envelope, Settlement } from '@railpost/mail';
import { QueueIdTable } from './queue-id-table.ts';

/** Originals that have a bit of their own. */
const bitOriginals = 29;
const seenBit = 2 ** 29;
const knownBit = 2 ** 30;

/** What is known of one message. */
export interface MessageFacts {
  /** True when the journal has a word on it at all, a hold included. */
  readonly isKnown: boolean;
  /** One per original that is done, partly done or on hold. */
  readonly history: readonly RecipientHistory[];
  /** True when nothing is owed any more. */
  readonly isComplete: boolean;
}

/** The facts. */
export class JournalFacts {
  readonly #table = new QueueIdTable();
  readonly #progress = new Map<string, Map<number, OriginalProgress>>();
  readonly #holds = new HoldSet();

  /** Messages that anything is known of. */
  get size(): number {
    return this.#table.size;
  }

  /** Notes a journal entry. */
  note(entry: JournalEntry): void {
    const { queueId, orig } = entry;
    const isShort = completesAlone(entry) && orig >= 0 && orig < bitOriginals;
    this.#table.or(queueId, isShort ? knownBit + 2 ** orig : knownBit);
    if (isShort) return;
    this.#holds.apply(entry);
    if (entry.kind === 'held' || entry.kind === 'released') return;
    const originals = this.#progress.get(queueId) ?? new Map<number, OriginalProgress>();
    this.#progress.set(queueId, originals);
    const progress = originals.get(orig) ?? new OriginalProgress();
    originals.set(orig, progress);
    progress.note(entry);
  }

  /** A report in the spool settles this recipient: it counts as an entry of kind `bounced` (rule 6). True when that was not known. */
  noteSettlement(settlement: Settlement): boolean {
    const { queueId, orig, final } = settlement;
    const progress = this.#progress.get(queueId)?.get(orig);
    const hasBit = orig < bitOriginals && (this.#table.get(queueId) & (2 ** orig)) !== 0;
    const isKnown = hasBit || progress?.isComplete === true || progress?.finals().includes(final) === true;
    this.note({ ...settlement, kind: 'bounced' });
    return !isKnown;
  }

  /** Marks a message as met in the spool; true when it was met before (a second copy). */
  meet(queueId: string): boolean {
    return (this.#table.or(queueId, seenBit) & seenBit) !== 0;
  }

  /** What is known of the originals of an envelope. */
  of(envelope: Pick<Envelope, 'queueId' | 'recipients'>): MessageFacts {
    const { queueId, recipients } = envelope;
    const bits = this.#table.get(queueId);
    if ((bits & knownBit) === 0) return { isKnown: false, history: [], isComplete: false };
    const history = [...recipients.keys()].map((orig) => this.#historyOf(queueId, orig, bits));
    return {
      isKnown: true,
      history: history.filter(
        ({ isComplete, isHeld, done }) => isComplete === true || isHeld || done.length > 0,
      ),
      isComplete: history.every(({ isComplete }) => isComplete === true),
    };
  }

  #historyOf(queueId: string, orig: number, bits: number): RecipientHistory {
    const progress = this.#progress.get(queueId)?.get(orig);
    const done = progress?.finals() ?? [];
    const hasBit = orig < bitOriginals && (bits & (2 ** orig)) !== 0;
    if (hasBit || progress?.isComplete === true) return { orig, done, isHeld: false, isComplete: true };
    return { orig, done, isHeld: this.#holds.state(queueId, orig) === true };
  }
}
