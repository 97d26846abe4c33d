/**
 * The task `garbage`: round after round it reads what is new, decides about every segment, removes (durability rules 15 and 16) and, once
 * an hour, compacts the journal (rule 17). The journal alone says what is complete. While a generation is being recovered, nothing
 * is read or removed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SpoolUnavailableError, readGenerationState } from '@railpost/spool';
import { garbageRemoved, garbageWaits } from '../events.ts';
import type { KeeperContext, KeeperTask } from '../keeper-task.ts';
import { decideSegment } from './decide.ts';
import { clearSegments } from './effects.ts';
import { Gatherer } from './gather.ts';
import { JournalKeeper } from './journal-keeper.ts';
import type { GarbageMetrics } from './metrics.ts';
import { type IndexedSegment, SpoolIndex } from './spool-index.ts';

/** Times, milliseconds. */
export interface GarbageTiming {
  /** Age from which a complete segment goes. */
  readonly garbageAfterMs: number;
  /** Time between two rounds. */
  readonly everyMs: number;
  /**
   * How long the journal remembers messages that are in the spool no more; also the age from which a void goes, because whatever PUT it
   * stands against cannot land any more.
   */
  readonly journalKeepMs: number;
}

const longestSettleMs = 150_000;
/** Five seconds when segments go after ten minutes. */
const pausesPerGarbageAge = 120;
const longestPauseMs = 5_000;
const listAllEveryMs = 3_600_000;

/** One term's view of the spool; the tasks of the term share it. */
export interface SpoolView {
  readonly index: SpoolIndex;
  readonly gatherer: Gatherer;
  readonly journal: JournalKeeper;
}

/** What the task needs of its surroundings. */
export type GarbageContext = Pick<KeeperContext, 'store' | 'log' | 'clock' | 'crashPoint' | 'setProblem'>;

/** Opens the view of a term; nothing is read yet. */
function openSpoolView(context: GarbageContext, timing: GarbageTiming): SpoolView {
  const index = new SpoolIndex();
  const gatherer = new Gatherer(
    context,
    {
      settleMs: Math.min(longestSettleMs, timing.garbageAfterMs / 4),
      listAllEveryMs: Math.min(listAllEveryMs, 6 * timing.garbageAfterMs),
      secondLookEveryMs: timing.garbageAfterMs,
    },
    index,
  );
  const journal = new JournalKeeper(context, timing.journalKeepMs, index);
  return { index, gatherer, journal };
}

/** Makes the task. */
export function garbageTask(
  context: GarbageContext,
  timing: GarbageTiming,
  metrics: GarbageMetrics,
): KeeperTask {
  return {
    name: 'garbage',
    async run(signal) {
      // A term starts from nothing: whatever happened to the spool while another kept it is seen.
      const view = openSpoolView(context, timing);
      metrics.view = view;
      try {
        while (!signal.aborted) {
          await tryRound({ context, timing, metrics, view }, signal);
          await sleep(timing.everyMs, undefined, { signal }).catch(() => undefined);
        }
      } finally {
        metrics.view = undefined;
      }
    },
  };
}

interface RoundParts {
  readonly context: GarbageContext;
  readonly timing: GarbageTiming;
  readonly metrics: GarbageMetrics;
  readonly view: SpoolView;
}

/** An outage is waited for; the next round goes on where this one was. */
async function tryRound(parts: RoundParts, signal: AbortSignal): Promise<void> {
  const { setProblem } = parts.context;
  try {
    await runRound(parts, signal);
    setProblem('keeper-garbage', undefined);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof SpoolUnavailableError)) throw error;
    setProblem('keeper-garbage', `the spool cannot be kept: ${error.message}`);
  }
}

async function runRound({ context, timing, metrics, view }: RoundParts, signal: AbortSignal): Promise<void> {
  const { clock, store, log } = context;
  const startedAt = clock.monotonicMs();
  const { generation, isRecovered } = await readGenerationState(store);
  if (!isRecovered) return garbageWaits(log, { generation, cause: 'recovery is not over' });
  const isCompactionDue = view.journal.isDue();
  if (isCompactionDue) view.gatherer.requireFullListing();
  const gathered = await view.gatherer.read(signal);
  metrics.noteRead(gathered);
  context.setProblem('keeper-damaged', damageOf(view));
  const work = decideAll(view.index, {
    garbageAfterMs: timing.garbageAfterMs,
    voidKeepMs: timing.journalKeepMs,
    nowMs: clock.nowMs(),
  });
  const pauseMs = Math.min(longestPauseMs, timing.garbageAfterMs / pausesPerGarbageAge);
  const parts = { context, index: view.index, pauseMs };
  const result = await clearSegments(parts, work, generation, signal);
  metrics.noteCleared(result);
  const { removed, removedBytes, copied } = result;
  if (removed > 0) garbageRemoved(log, { segments: removed, sizeBytes: removedBytes, copied });
  if (result.isGenerationOver) return garbageWaits(log, { generation, cause: 'there is a new generation' });
  if (isCompactionDue) metrics.noteCompacted(await view.journal.compact(generation, signal));
  metrics.noteRound((clock.monotonicMs() - startedAt) / 1000);
}

/** What somebody has to restore, in words. */
function damageOf({ index, gatherer }: SpoolView): string | undefined {
  const parts = [
    ...(index.damagedCount > 0 ? [`${index.damagedCount} segments`] : []),
    ...(gatherer.damagedJournalObjects > 0 ? [`${gatherer.damagedJournalObjects} journal objects`] : []),
  ];
  if (parts.length === 0) return undefined;
  return `${parts.join(' and ')} of the spool cannot be read and are kept: see segment-damaged and journal-damaged in the log`;
}

function decideAll(
  index: SpoolIndex,
  facts: Parameters<typeof decideSegment>[1],
): { readonly copies: IndexedSegment[]; readonly garbage: IndexedSegment[] } {
  const copies: IndexedSegment[] = [];
  const garbage: IndexedSegment[] = [];
  for (const segment of index.segments()) {
    const decision = decideSegment(segment, facts);
    if (decision === 'copy') copies.push(segment);
    else if (decision === 'remove') garbage.push(segment);
  }
  return { copies, garbage };
}
