/**
 * Wires cleanup: the durable consumer of INCOMING on one side, the writers of ACTIVE on the other. Any number of processes
 * share the consumer. At the end it stops pulling, gives what is in hand ten seconds, and gives the rest back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { consume, startAckFloorPurge } from '@railpost/bus';
import { cleanupConsumer } from '@railpost/contracts';
import type { Service, ServiceContext } from '@railpost/runtime';
import { openSegmentReader } from '@railpost/spool';
import type { CleanupSettings } from './config.ts';
import { RecordHandler } from './consume.ts';
import { openJobWriter } from './effects.ts';
import { pullInterrupted, purgeFailed } from './events.ts';
import { createMetrics } from './metrics.ts';
import { StallGuard } from './stall-guard.ts';

/** Only header sections above 512 KiB are read from the spool, so little is kept. */
const readerCacheBytes = 16 * 1024 * 1024;
const drainMs = 10_000;

/** Starts the service. */
export async function createCleanup(context: ServiceContext, settings: CleanupSettings): Promise<Service> {
  const { bus, log } = context;
  const stream = bus.names.incomingStream;
  const abandon = new AbortController();
  const guard = new StallGuard(context.clock, settings.ackWait / 2);
  const handler = new RecordHandler({
    context,
    reader: openSegmentReader(context.store, { cacheBytes: readerCacheBytes }),
    writer: openJobWriter(bus, {
      shards: context.settings.shards,
      signal: abandon.signal,
      onPublished: () => context.crashPoint('cleanup.published-some'),
    }),
    metrics: createMetrics(context.metrics),
    guard,
  });
  guard.start();
  const consumption = await consume(bus, {
    stream,
    consumer: cleanupConsumer,
    maxMessages: settings.concurrency,
    ackWaitMs: settings.ackWait,
    onMessage: (message) => handler.handle(message),
    onProblem: (error) => pullInterrupted(log, { error: String(error) }),
  });
  const purge = startAckFloorPurge(bus, {
    stream,
    consumer: cleanupConsumer,
    onProblem: (error) => purgeFailed(log, { error: String(error) }),
  });

  return {
    async stop() {
      await consumption.stop();
      const deadline = context.clock.monotonicMs() + drainMs;
      while (consumption.inHand > 0 && context.clock.monotonicMs() < deadline) await sleep(20);
      abandon.abort();
      await consumption.stop({ nak: true });
      await purge.stop();
      guard.stop();
    },
  };
}
