/**
 * What the journal says of one original recipient of a message (durability rule 14): complete when for some run all n finals are
 * terminal. An administrator's delete (run `-`) ends an original as a whole. Shared by garbage collection, recovery and owners,
 * so that all of them mean the same by "complete". Order and repetition of entries do not matter.
 */
import { type JournalEntry, isTerminal } from './journal-entry.ts';

/** Run of entries that end an original as a whole, whatever it expanded to. */
export const wholeOriginalRun = '-';

/** Entries of one (queue id, original), gathered. */
export class OriginalProgress {
  readonly #finalsByRun = new Map<string, Set<string>>();
  #isComplete = false;

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Notes a terminal entry; others are ignored. */
  note(entry: Pick<JournalEntry, 'final' | 'kind' | 'run' | 'n'>): void {
    if (!isTerminal(entry.kind)) return;
    const finals = this.#finalsByRun.get(entry.run) ?? new Set<string>();
    finals.add(entry.final);
    this.#finalsByRun.set(entry.run, finals);
    if (entry.run === wholeOriginalRun || finals.size >= entry.n) this.#isComplete = true;
  }

  /** Finals that are terminal, of whatever run; each once. */
  finals(): string[] {
    return [...new Set([...this.#finalsByRun.values()].flatMap((finals) => [...finals]))];
  }
}

/** True when this entry alone completes its original: what most entries do. */
export function completesAlone(entry: Pick<JournalEntry, 'kind' | 'run' | 'n'>): boolean {
  return isTerminal(entry.kind) && (entry.n <= 1 || entry.run === wholeOriginalRun);
}
