/**
 * The task `orphans`: the check for messages that nobody has, round after round, and their repair: when an administrator asks for it,
 * and by itself after a while, because what was answered 250 must not wait for somebody to read an alert. While recovery runs
 * there is nothing to check: it puts back everything.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BusError } from '@railpost/bus';
import { SpoolError } from '@railpost/spool';
import { unaccounted } from '../events.ts';
import type { SpoolView } from '../garbage/garbage-task.ts';
import type { KeeperContext, KeeperTask } from '../keeper-task.ts';
import type { RecoveryState } from '../recovery/recovery-task.ts';
import { OrphanCheck, type OrphanTiming } from './orphan-check.ts';
import { type MutableReport, newRepairReport, repairOrphans } from './repair.ts';

/** What the task works with. */
export interface OrphanParts {
  /** Time between two rounds, milliseconds; what is missing in two of them is an orphan. */
  readonly everyMs: number;
  readonly timing: OrphanTiming;
  /** How long orphans are only told of before they are put back unasked, milliseconds. */
  readonly repairAfterMs: number;
  /** The view that garbage collection keeps in this term; undefined before it has one. */
  readonly view: () => SpoolView | undefined;
  readonly recovery: Readonly<RecoveryState>;
  readonly state: OrphanState;
  readonly onPutBack: () => void;
}

/** What others may know of it, and ask of it. Mutable. */
export interface OrphanState {
  orphans: readonly string[];
  /** A repair that was asked for and has not begun. */
  wanted: MutableReport | undefined;
  /** The repair that runs, or the last one. */
  repair: MutableReport | undefined;
}

/** Nothing known yet. */
export function newOrphanState(): OrphanState {
  return { orphans: [], wanted: undefined, repair: undefined };
}

/** Asks for a repair; one at a time. Returns its report. */
export function askForRepair(state: OrphanState, isDryRun: boolean): MutableReport {
  const running = state.repair;
  const isBusy = running !== undefined && running.phase !== 'done' && running.phase !== 'failed';
  if (isBusy) return running;
  const report = newRepairReport(isDryRun);
  state.wanted = report;
  state.repair = report;
  return report;
}

const wishLookMs = 200;
const namedIds = 10;

/** Makes the task. */
export function orphanTask(context: KeeperContext, parts: OrphanParts): KeeperTask {
  return {
    name: 'orphans',
    async run(signal) {
      const { state } = parts;
      let check: OrphanCheck | undefined;
      const patience = new Patience(parts.repairAfterMs);
      try {
        while (!signal.aborted) {
          const view = parts.view();
          if (view !== undefined && parts.recovery.isRecovered) {
            if (check?.view !== view) check = new OrphanCheck(context, parts.timing, view);
            await tryRound(context, parts, check, signal);
            if (patience.isOver(state.orphans, context.clock.monotonicMs())) askForRepair(state, false);
            await tryRepair(context, parts, check, signal);
          }
          await pause(parts, signal);
        }
      } finally {
        state.orphans = [];
      }
    },
  };
}

/** Measures how long there have been orphans. */
class Patience {
  readonly #limitMs: number;
  #sinceMs: number | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** True once per limit, while there are any. */
  isOver(orphans: readonly string[], nowMs: number): boolean {
    if (orphans.length === 0) {
      this.#sinceMs = undefined;
      return false;
    }
    this.#sinceMs ??= nowMs;
    if (nowMs - this.#sinceMs < this.#limitMs) return false;
    this.#sinceMs = nowMs;
    return true;
  }
}

/** Until the next round, or until a repair is wanted. */
async function pause({ everyMs, state }: OrphanParts, signal: AbortSignal): Promise<void> {
  const endAt = performance.now() + everyMs;
  while (performance.now() < endAt && state.wanted === undefined && !signal.aborted)
    await sleep(Math.min(wishLookMs, everyMs), undefined, { signal }).catch(() => undefined);
}

/** Outages are told by others; what was known stays known. */
async function tryRound(
  context: KeeperContext,
  { state }: OrphanParts,
  check: OrphanCheck,
  signal: AbortSignal,
): Promise<void> {
  try {
    await check.round(signal);
  } catch (error) {
    if (signal.aborted || isOutage(error)) return;
    throw error;
  }
  const { orphans } = check;
  const isNew = orphans.some((queueId) => !state.orphans.includes(queueId));
  state.orphans = orphans;
  if (isNew) unaccounted(context.log, { messages: orphans.length, queueIds: orphans.slice(0, namedIds) });
  const count = orphans.length;
  context.setProblem(
    'orphans',
    count === 0
      ? undefined
      : `${count} messages are in the spool but in no queue; they are put back soon, by railpost recover at once`,
  );
}

async function tryRepair(
  context: KeeperContext,
  parts: OrphanParts,
  check: OrphanCheck,
  signal: AbortSignal,
): Promise<void> {
  const report = parts.state.wanted;
  if (report === undefined) return;
  parts.state.wanted = undefined;
  try {
    const { everyMs: betweenMs, onPutBack } = parts;
    await repairOrphans({ context, check, betweenMs, signal, report, onPutBack });
  } catch (error) {
    report.phase = 'failed';
    report.error = error instanceof Error ? error.message : String(error);
    if (!signal.aborted && !isOutage(error)) throw error;
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof BusError || error instanceof SpoolError;
}
