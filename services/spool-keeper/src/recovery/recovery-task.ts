/**
 * The task `recovery`: whenever there is a generation whose recovery is not over, it recovers, and then says so in the spool; garbage
 * collection waits for that word (durability rule 15). Another generation in the middle ends it; the next round begins with that one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BusError, readStreamStates } from '@railpost/bus';
import {
  SpoolError,
  isGenerationCurrent,
  markRecovered,
  newestGeneration,
  readGenerationState,
} from '@railpost/spool';
import { recoveredOld, recoveryBegins, recoveryOver } from '../events.ts';
import type { KeeperContext, KeeperTask } from '../keeper-task.ts';
import type { RecoveryMetrics } from './metrics.ts';
import { openProgressMarks } from './progress-marks.ts';
import { type RecoveryProgress, newProgress, recoverSpool } from './recover.ts';

/** What the task works with. */
export interface RecoveryParts {
  /** Time between two looks, milliseconds. */
  readonly everyMs: number;
  /**
   * Age of a generation before its recovery begins, milliseconds: what owners of the one before had in hand is in the journal by then.
   */
  readonly settleMs: number;
  /** Longest time that a message may wait, milliseconds. */
  readonly longestLifeMs: () => number;
  readonly metrics: RecoveryMetrics;
  readonly state: RecoveryState;
}

/** What others may know of it. Mutable. */
export interface RecoveryState {
  /** As of the last look; 0 before the first. */
  generation: number;
  isRecovered: boolean;
  /** Of the recovery that runs, or of the last one that this process ran. */
  progress: RecoveryProgress | undefined;
}

/** Nothing known yet. */
export function newRecoveryState(): RecoveryState {
  return { generation: 0, isRecovered: true, progress: undefined };
}

/** Makes the task. */
export function recoveryTask(context: KeeperContext, parts: RecoveryParts): KeeperTask {
  return {
    name: 'recovery',
    async run(signal) {
      while (!signal.aborted) {
        await tryRound(context, parts, signal);
        await sleep(parts.everyMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** An outage is waited for; the next round goes on where this one was. */
async function tryRound(context: KeeperContext, parts: RecoveryParts, signal: AbortSignal): Promise<void> {
  try {
    await runRound(context, parts, signal);
    context.setProblem('recovery', undefined);
  } catch (error) {
    if (signal.aborted || error instanceof GenerationOverError) return;
    if (!(error instanceof SpoolError || error instanceof BusError)) throw error;
    context.setProblem('recovery', `mail cannot be put back now: ${error.message}`);
  }
}

async function runRound(context: KeeperContext, parts: RecoveryParts, signal: AbortSignal): Promise<void> {
  const { store, log, clock } = context;
  const { state } = parts;
  // Nearly always: one request, no listing.
  if (state.generation > 0 && state.isRecovered && (await isGenerationCurrent(store, state.generation)))
    return;
  const { generation, isRecovered } = await readGenerationState(store);
  Object.assign(state, { generation, isRecovered });
  if (isRecovered) return;
  context.setProblem('recovery', 'NATS has lost what it held; mail is being put back from the spool');
  const { madeAtMs } = await newestGeneration(store);
  if (clock.nowMs() - madeAtMs < parts.settleMs || !(await hasStreams(context, generation))) return;
  const progress = newProgress();
  state.progress = progress;
  recoveryBegins(log, { generation });
  const startedAt = clock.monotonicMs();
  await whileCurrent(context, generation, signal, (current) =>
    recoverSpool({
      ...{ context, generation, madeAtMs, progress, isDryRun: false, signal: current },
      longestLifeMs: parts.longestLifeMs(),
      onPutBack: () => parts.metrics.putBack.inc(),
    }),
  );
  context.crashPoint('recovery.before-mark');
  if (!(await isGenerationCurrent(store, generation))) throw new GenerationOverError();
  await markRecovered(store, generation);
  context.crashPoint('recovery.marked-over');
  await (await openProgressMarks(store, generation)).clear();
  state.isRecovered = true;
  const { messages, complete, putBack, held, heldOld, damaged } = progress;
  const durationMs = Math.round(clock.monotonicMs() - startedAt);
  recoveryOver(log, { generation, messages, complete, putBack, held, heldOld, damaged, durationMs });
  if (heldOld > 0) recoveredOld(log, { messages: heldOld });
}

/** Not before the streams are of the generation: an earlier stream would swallow what is put back. */
async function hasStreams({ bus }: KeeperContext, generation: number): Promise<boolean> {
  const states = await readStreamStates(bus);
  const incoming = states.find(({ name }) => name === bus.names.incomingStream);
  return incoming?.generation === generation && states.every((each) => each.generation === generation);
}

/** There is a further generation: what was done for this one counts no more. */
class GenerationOverError extends Error {
  constructor() {
    super('there is a further generation');
    this.name = 'GenerationOverError';
  }
}

/** Runs the work with a signal that also fires when a further generation begins. */
async function whileCurrent(
  { store }: Pick<KeeperContext, 'store'>,
  generation: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const look = setInterval(() => {
    // An outage of the spool is the work's to notice.
    isGenerationCurrent(store, generation).then(
      (isCurrent) => isCurrent || over.abort(new GenerationOverError()),
      () => undefined,
    );
  }, 1000);
  try {
    await work(AbortSignal.any([signal, over.signal]));
  } catch (error) {
    if (over.signal.aborted) throw new GenerationOverError();
    throw error;
  } finally {
    clearInterval(look);
  }
}
