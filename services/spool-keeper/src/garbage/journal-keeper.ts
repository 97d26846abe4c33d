/**
 * Compacts the journal now and then (durability rule 17), right after a listing of everything: what that listing and the segments since
 * do not hold is absent from the spool.
 */
import { type JournalCompactionResult, compactJournal, isGenerationCurrent } from '@railpost/spool';
import { journalCompacted } from '../events.ts';
import type { KeeperContext } from '../keeper-task.ts';
import { mayContain } from './queue-id-hash.ts';
import type { SpoolIndex } from './spool-index.ts';

const longestEveryMs = 3_600_000;
const shortestEveryMs = 200;
/** The pause before removals, as a part of the period: five seconds of an hour. */
const pausesPerPeriod = 720;

/** The upkeep of one term. */
export class JournalKeeper {
  readonly #context: Pick<KeeperContext, 'store' | 'clock' | 'log' | 'crashPoint'>;
  readonly #keepMs: number;
  readonly #index: SpoolIndex;
  readonly #everyMs: number;
  readonly #dueAtMs = new Map<string, number>();
  #nextAtMs: number;

  constructor(
    context: Pick<KeeperContext, 'store' | 'clock' | 'log' | 'crashPoint'>,
    keepMs: number,
    index: SpoolIndex,
  ) {
    this.#context = context;
    this.#keepMs = keepMs;
    this.#index = index;
    this.#everyMs = Math.min(longestEveryMs, Math.max(shortestEveryMs, keepMs / 24));
    // Not at once: a process that has just started has enough to read. Soon, because it may not live for an hour.
    this.#nextAtMs = context.clock.monotonicMs() + this.#everyMs / 6;
  }

  /** True when the journal is to be compacted: once an hour. */
  isDue(): boolean {
    return this.#context.clock.monotonicMs() >= this.#nextAtMs;
  }

  /** Compacts. The index must have been read just now, with a listing of everything. @throws SpoolUnavailableError */
  async compact(generation: number, signal: AbortSignal): Promise<JournalCompactionResult> {
    const { store, clock, crashPoint, log } = this.#context;
    this.#nextAtMs = clock.monotonicMs() + this.#everyMs;
    const present = this.#index.presentHashes();
    crashPoint('keeper.before-compaction');
    const result = await compactJournal(store, {
      generation,
      nowMs: clock.nowMs(),
      olderThanMs: this.#everyMs,
      keepMs: this.#keepMs,
      isPresent: (queueId) => mayContain(present, queueId),
      mayRemove: () => isGenerationCurrent(store, generation),
      dueAtMs: this.#dueAtMs,
      pauseMs: this.#everyMs / pausesPerPeriod,
      onMerged: () => crashPoint('keeper.compacted'),
      signal,
    });
    if (result.removed > 0) journalCompacted(log, result);
    return result;
  }
}
