/** Wires spool-keeper: one term at a time, and the tasks of a term. */
import type { Service, ServiceContext, SettingsOf } from '@railpost/runtime';
import { ActiveTerm } from './active-term.ts';
import type { SpoolKeeperSettings } from './config.ts';
import type { KeeperTask } from './keeper-task.ts';
import { registerKeeperMetrics } from './metrics.ts';

/** Creates the service from the runtime's context. */
export async function createSpoolKeeper(
  context: ServiceContext,
  _settings: SettingsOf<typeof SpoolKeeperSettings>,
): Promise<Service> {
  const tasks: readonly KeeperTask[] = [];
  const term = new ActiveTerm(context, { leaseTtlMs: context.settings.leaseTtl }, tasks);
  registerKeeperMetrics(context.metrics, () => term.isActive);
  term.start();
  return { stop: () => term.stop() };
}
