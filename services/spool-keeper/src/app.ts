/** Wires spool-keeper: one term at a time, and the tasks of a term. */
import type { Service, ServiceContext, SettingsOf } from '@railpost/runtime';
import { ActiveTerm } from './active-term.ts';
import type { SpoolKeeperSettings } from './config.ts';
import { garbageTask } from './garbage/garbage-task.ts';
import { GarbageMetrics } from './garbage/metrics.ts';
import type { KeeperTask } from './keeper-task.ts';
import { registerKeeperMetrics } from './metrics.ts';

/** Creates the service from the runtime's context. */
export async function createSpoolKeeper(
  context: ServiceContext,
  settings: SettingsOf<typeof SpoolKeeperSettings>,
): Promise<Service> {
  const { garbageAfter, garbageEvery, journalKeep } = settings;
  const timing = { garbageAfterMs: garbageAfter, everyMs: garbageEvery, journalKeepMs: journalKeep };
  const tasks: readonly KeeperTask[] = [garbageTask(context, timing, new GarbageMetrics(context.metrics))];
  const term = new ActiveTerm(context, { leaseTtlMs: context.settings.leaseTtl }, tasks);
  registerKeeperMetrics(context.metrics, () => term.isActive);
  term.start();
  return { stop: () => term.stop() };
}
