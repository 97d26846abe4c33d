/** Wires spool-keeper: one term at a time, and the tasks of a term. */
import type { Service, ServiceContext, SettingsOf } from '@railpost/runtime';
import { ActiveTerm } from './active-term.ts';
import type { SpoolKeeperSettings } from './config.ts';
import { garbageTask } from './garbage/garbage-task.ts';
import { GarbageMetrics } from './garbage/metrics.ts';
import { controlTask } from './control-task.ts';
import type { KeeperTask } from './keeper-task.ts';
import { registerKeeperMetrics } from './metrics.ts';
import { newOrphanState, orphanTask } from './orphans/orphan-task.ts';
import { createRecoveryMetrics } from './recovery/metrics.ts';
import { positionsTask } from './recovery/positions-task.ts';
import { newRecoveryState, recoveryTask } from './recovery/recovery-task.ts';

/** How often INCOMING's position is written down (durability rule 18). */
const positionsEveryMs = 5000;
const recoveryLookMs = 2000;
/** A message is asked about in so many rounds after it came, then when its turn is. */
const youngRounds = 6;
const orphansPerRound = 20_000;
/** Beyond the lifetime, for clocks and for messages that were suspended. */
const lifeMarginMs = 24 * 3600_000;

/** Creates the service from the runtime's context. */
export async function createSpoolKeeper(
  context: ServiceContext,
  settings: SettingsOf<typeof SpoolKeeperSettings>,
): Promise<Service> {
  const { garbageAfter, garbageEvery, journalKeep } = settings;
  const timing = { garbageAfterMs: garbageAfter, everyMs: garbageEvery, journalKeepMs: journalKeep };
  const recovery = newRecoveryState();
  const orphans = newOrphanState();
  const garbage = new GarbageMetrics(context.metrics);
  const metrics = createRecoveryMetrics(context.metrics, recovery, orphans);
  const tasks: readonly KeeperTask[] = [
    garbageTask(context, timing, garbage),
    controlTask(context, { recovery, orphans }),
    orphanTask(context, {
      everyMs: settings.orphanEvery,
      repairAfterMs: settings.repairAfter,
      timing: {
        graceMs: settings.orphanAfter,
        youngMs: youngRounds * settings.orphanEvery,
        perRound: orphansPerRound,
      },
      view: () => garbage.view,
      recovery,
      state: orphans,
      onPutBack: () => metrics.putBack.inc(),
    }),
    positionsTask(context, positionsEveryMs),
    recoveryTask(context, {
      everyMs: recoveryLookMs,
      settleMs: context.settings.leaseTtl,
      longestLifeMs: () => longestLifeMs(context),
      metrics,
      state: recovery,
    }),
  ];
  const term = new ActiveTerm(context, { leaseTtlMs: context.settings.leaseTtl }, tasks);
  registerKeeperMetrics(context.metrics, () => term.isActive);
  term.start();
  return { stop: () => term.stop() };
}

/** Longest time that a message may wait (durability rule 17). */
function longestLifeMs({ configuration }: ServiceContext): number {
  const { lifetimeMs, bounceLifetimeMs } = configuration.current().platform.queue;
  return Math.max(lifetimeMs, bounceLifetimeMs) + lifeMarginMs;
}
