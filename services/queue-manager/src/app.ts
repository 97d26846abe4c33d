/** Wires queue-manager: makes the streams exist, then keeps its share of the shards. */
import { ensureStreams } from '@railpost/bus';
import type { Service, ServiceContext, SettingsOf } from '@railpost/runtime';
import type { QueueManagerSettings } from './config.ts';
import { createMetrics } from './metrics.ts';
import type { ShardOwner } from './owner.ts';
import { ShardKeeper } from './shard-keeper.ts';
import { findGeneration } from './takeover.ts';

/** Creates the service from the runtime's context. */
export async function createQueueManager(
  context: ServiceContext,
  settings: SettingsOf<typeof QueueManagerSettings>,
): Promise<Service> {
  const { shards, leaseTtl, heartbeat } = context.settings;
  const { replicas, ackWait, parkAfter } = settings;
  await ensureStreams(context.bus, {
    shards,
    generation: await findGeneration(context),
    replicas,
    ackWaitMs: ackWait,
    maxBytes: {
      incoming: settings.incomingMaxBytes,
      active: settings.activeMaxBytes,
      defer: settings.deferMaxBytes,
    },
  });
  const owners = new Map<number, ShardOwner>();
  const metrics = createMetrics(context.metrics, () => [...owners.values()].map((owner) => owner.queue));
  const timing = {
    leaseTtlMs: leaseTtl,
    heartbeatMs: heartbeat,
    ackWaitMs: ackWait,
    parkAfterMs: parkAfter,
  };
  const keeper = new ShardKeeper(context, timing, { metrics, owners });
  keeper.start();
  return { stop: () => keeper.stop() };
}
