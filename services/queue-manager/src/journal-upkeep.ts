/**
 * The owner's upkeep of its own journal: rolled up once a minute (durability rule 14), so that a takeover reads few objects. Runs beside
 * everything else; a failure is logged and tried again, it never ends the term.
 */
import { rollUpJournal } from '@railpost/spool';
import { journalRollUpFailed } from './events.ts';
import type { Term } from './term.ts';

/** Longest pause before originals are removed, in milliseconds: readers of a directory have their listing by then. */
const longestPauseMs = 5000;

/** The upkeep at work. */
export interface JournalUpkeep {
  /** Begins no more runs. One that is under way ends with the term, which does not wait for it. */
  stop(): void;
}

/** Starts the upkeep of a term's journal. */
export function startJournalUpkeep(term: Term): JournalUpkeep {
  const { journalRollUpMs } = term.timing;
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= rollUp(term, journalRollUpMs).finally(() => {
      running = undefined;
    });
  }, journalRollUpMs);
  return { stop: () => clearInterval(timer) };
}

async function rollUp(term: Term, periodMs: number): Promise<void> {
  const { context, shard, signal } = term;
  try {
    await rollUpJournal(context.store, term.journalOwner, {
      now: () => context.clock.nowMs(),
      olderThanMs: periodMs,
      pauseMs: Math.min(longestPauseMs, periodMs / 4),
      recall: term.recallJournal,
      signal,
      onMerged: () => context.crashPoint('queue.rolled-up-before-removal'),
    });
  } catch (error) {
    // Whatever it is, mail goes on without it.
    if (!signal.aborted) journalRollUpFailed(context.log, { shard, error: String(error) });
  }
}
