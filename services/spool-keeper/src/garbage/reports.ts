/**
 * Reports to senders in the spool, and the recipients that they settle (durability rule 6). A report must not go before what it settles: as
 * long as the journal does not say that those recipients are finished, the report is the only one that does, and recovery asks it.
 *
 * In a generation their owners journal them. What an earlier generation left is different: recovery takes the report's word and puts
 * nothing back, so no owner will ever journal it, and the report's word counts here too. Its report stays until the message
 * that it speaks of has left the spool.
 */
import type { Settlement } from '@railpost/mail';
import type { SpoolIndex } from './spool-index.ts';

/** What a segment's index says of a report. */
export interface Report {
  readonly queueId: string;
  /** When its segment was begun, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly settles: readonly Settlement[];
}

/** A report so much older than the generation was in the spool before its recovery began to look. Milliseconds. */
const clockSlackMs = 60_000;

/** Reports that may not go yet. */
export class Reports {
  readonly #index: SpoolIndex;
  readonly #kept = new Map<string, Report & { isBelieved: boolean }>();

  constructor(index: SpoolIndex) {
    this.#index = index;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Takes a report that the index has as retained. */
  add(report: Report): void {
    this.#kept.set(report.queueId, { ...report, isBelieved: false });
  }

  /** Believes the reports of earlier generations. @param madeAtMs when the present one was made, milliseconds since the epoch */
  believe(madeAtMs: number): void {
    for (const report of this.#kept.values()) {
      if (report.isBelieved || report.timeMs >= madeAtMs - clockSlackMs) continue;
      report.isBelieved = true;
      for (const settlement of report.settles) this.#index.apply({ ...settlement, kind: 'bounced' });
    }
  }

  /** Lets those go whose recipients are finished. @param isPresent whether the spool may hold a message, finished or not */
  release(isPresent: (queueId: string) => boolean): void {
    for (const [queueId, { settles, isBelieved }] of this.#kept) {
      const isNeeded = settles.some((each) =>
        isBelieved ? isPresent(each.queueId) : this.#index.isOpen(each.queueId),
      );
      if (isNeeded) continue;
      this.#kept.delete(queueId);
      this.#index.release(queueId);
    }
  }
}
