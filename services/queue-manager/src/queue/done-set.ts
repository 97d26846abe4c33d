/**
 * What the journal says is finished (durability rules 7 and 10): keys (queue id, original, final) that must not be delivered
 * again. Holds only facts that are journalled. A queue id is forgotten when INCOMING's purge floor has passed the message
 * (no redelivery by cleanup is possible) and some minutes have gone by (acknowledgements of ACTIVE that a killed server
 * forgot have come back by then).
 */
import { type JournalEntry, completesAlone, isTerminal, wholeOriginalRun } from '@railpost/contracts';

/** Names one recipient of one message. */
export interface RecipientKey {
  readonly queueId: string;
  readonly orig: number;
  readonly final: string;
}

interface Known {
  readonly keys: Set<string>;
  /** Originals that one entry alone finished, a bit each. */
  wholeOriginals: number;
  incomingSequence: number;
  atMs: number;
}

const keepMs = 5 * 60_000;
const bitOriginals = 31;
const newcomer = { wholeOriginals: 0, incomingSequence: 0 };

/** The set. */
export class DoneSet {
  readonly #byQueueId = new Map<string, Known>();

  get size(): number {
    return this.#byQueueId.size;
  }

  /** Notes a terminal entry; others are ignored. @param incomingSequence sequence of the message's INCOMING record */
  add(entry: JournalEntry, incomingSequence: number, nowMs: number): void {
    if (!isTerminal(entry.kind)) return;
    const known = this.#byQueueId.get(entry.queueId) ?? { ...newcomer, keys: new Set(), atMs: nowMs };
    known.keys.add(entry.run === wholeOriginalRun ? `${entry.orig}` : `${entry.orig} ${entry.final}`);
    if (completesAlone(entry) && entry.orig >= 0 && entry.orig < bitOriginals)
      known.wholeOriginals |= 1 << entry.orig;
    known.incomingSequence = Math.max(known.incomingSequence, incomingSequence);
    known.atMs = nowMs;
    this.#byQueueId.set(entry.queueId, known);
  }

  has(key: RecipientKey): boolean {
    const keys = this.#byQueueId.get(key.queueId)?.keys;
    return keys !== undefined && (keys.has(`${key.orig} ${key.final}`) || keys.has(`${key.orig}`));
  }

  /** True when something is known of the message at all. */
  knows(queueId: string): boolean {
    return this.#byQueueId.has(queueId);
  }

  /** Originals of the message that one entry alone finished, bit 2^orig; undefined when nothing is known of it. */
  wholeOriginals(queueId: string): number | undefined {
    return this.#byQueueId.get(queueId)?.wholeOriginals;
  }

  /** Forgets what cannot come back; returns the forgotten queue ids. @param floor INCOMING's purge floor */
  forget(floor: number, nowMs: number): string[] {
    const forgotten: string[] = [];
    for (const [queueId, known] of this.#byQueueId) {
      if (known.incomingSequence > floor || nowMs - known.atMs < keepMs) continue;
      this.#byQueueId.delete(queueId);
      forgotten.push(queueId);
    }
    return forgotten;
  }
}
