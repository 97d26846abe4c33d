/** Wires queue-manager: keeps the streams in order (durability rule 18), then its share of the shards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BusUnavailableError } from '@railpost/bus';
import { type Service, type ServiceContext, type SettingsOf, startStreamGuard } from '@railpost/runtime';
import { SpoolUnavailableError } from '@railpost/spool';
import type { QueueManagerSettings } from './config.ts';
import { createMetrics } from './metrics.ts';
import type { ShardOwner } from './owner.ts';
import { ShardKeeper } from './shard-keeper.ts';

/** Creates the service from the runtime's context. */
export async function createQueueManager(
  context: ServiceContext,
  settings: SettingsOf<typeof QueueManagerSettings>,
): Promise<Service> {
  const { shards, leaseTtl, heartbeat } = context.settings;
  const { replicas, ackWait, parkAfter, journalRollUp } = settings;
  const maxBytes = {
    incoming: settings.incomingMaxBytes,
    active: settings.activeMaxBytes,
    defer: settings.deferMaxBytes,
  };
  const guard = startStreamGuard({
    bus: context.bus,
    store: context.store,
    log: context.log,
    setProblem: (key, text) => context.setProblem(key, text),
    crashPoint: context.crashPoint,
    streams: { shards, replicas, ackWaitMs: ackWait, maxBytes },
  });
  await untilAvailable(context, () => guard.look());
  const owners = new Map<number, ShardOwner>();
  const metrics = createMetrics(context.metrics, () => [...owners.values()].map((owner) => owner.queue));
  const timing = {
    leaseTtlMs: leaseTtl,
    heartbeatMs: heartbeat,
    ackWaitMs: ackWait,
    parkAfterMs: parkAfter,
    journalRollUpMs: journalRollUp,
  };
  const keeper = new ShardKeeper(context, timing, { metrics, owners });
  guard.onGeneration((generation) => keeper.endEarlier(generation));
  keeper.start();
  return {
    stop() {
      guard.stop();
      return keeper.stop();
    },
  };
}

/** An outage during the start is waited for, as later ones are. Rejects when the process is told to stop meanwhile. */
async function untilAvailable(context: ServiceContext, action: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await action();
      context.setProblem('streams', undefined);
      return;
    } catch (error) {
      const isOutage = error instanceof BusUnavailableError || error instanceof SpoolUnavailableError;
      if (!isOutage) throw error;
      context.setProblem('streams', `streams cannot be made yet: ${error.message}`);
    }
    await sleep(1000, undefined, { signal: context.signal });
  }
}
