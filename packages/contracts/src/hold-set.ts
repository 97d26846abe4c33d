/**
 * Holds by (queue id, original recipient), as the journal has them (durability rule 12): for owners and for recovery. A hold on a message that the shard had
 * no job of is kept under {@link allOriginals}, so that it holds whatever arrives later.
 */
import type { JournalEntry } from './journal-entry.ts';

/** Stands for every original of a message. */
export const allOriginals = -1;

/** Holds, by what entries said in the order of the journal. */
export class HoldSet {
  readonly #byQueueId = new Map<string, Map<number, boolean>>();

  /** Applies a journal entry of kind `held` or `released`, in journal order; others are ignored. */
  apply(entry: Pick<JournalEntry, 'queueId' | 'orig' | 'kind'>): void {
    if (entry.kind !== 'held' && entry.kind !== 'released') return;
    const isHeld = entry.kind === 'held';
    const known = this.#byQueueId.get(entry.queueId) ?? new Map<number, boolean>();
    if (entry.orig === allOriginals) known.clear();
    known.set(entry.orig, isHeld);
    this.#byQueueId.set(entry.queueId, known);
  }

  /** True or false when the journal has a word on this original, else undefined. */
  state(queueId: string, orig: number): boolean | undefined {
    const known = this.#byQueueId.get(queueId);
    return known?.get(orig) ?? known?.get(allOriginals);
  }

  /** True when any hold of the message is in force. */
  holds(queueId: string): boolean {
    const known = this.#byQueueId.get(queueId);
    return known !== undefined && [...known.values()].includes(true);
  }

  forget(queueId: string): void {
    this.#byQueueId.delete(queueId);
  }
}
