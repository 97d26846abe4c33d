/**
 * Reports to senders in the spool, and the recipients that they settle (durability rule 6). A report must not go before what it settles: as
 * long as the journal does not say that those recipients are finished, the report is the only one that does, and recovery asks it.
 * Their owners journal them; what an earlier generation left, recovery does.
 */
import type { Settlement } from '@railpost/mail';
import type { SpoolIndex } from './spool-index.ts';

/** Reports that may not go yet. */
export class Reports {
  readonly #index: SpoolIndex;
  readonly #kept = new Map<string, readonly Settlement[]>();

  constructor(index: SpoolIndex) {
    this.#index = index;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Takes a report that the index has as retained. */
  add(queueId: string, settles: readonly Settlement[]): void {
    this.#kept.set(queueId, settles);
  }

  /** Lets those go whose recipients are finished, as of the journal that the index knows. */
  release(): void {
    for (const [queueId, settles] of this.#kept) {
      if (settles.some((each) => this.#index.isOpen(each.queueId))) continue;
      this.#kept.delete(queueId);
      this.#index.release(queueId);
    }
  }
}
