/** Wires bounce: the spool for reading and writing, the publisher of INCOMING, the common form of agents. */
import { openGroupPublisher } from '@railpost/bus';
import { type Service, type ServiceContext, type SettingsOf, runAgent } from '@railpost/runtime';
import { openSegmentReader, openSegmentWriter } from '@railpost/spool';
import type { BounceSettings } from './config.ts';
import { consumeTask } from './consume.ts';

/** Starts the service. */
export async function startBounce(
  context: ServiceContext,
  settings: SettingsOf<typeof BounceSettings>,
): Promise<Service> {
  const { bus, configuration, crashPoint, log, store } = context;
  const writer = openSegmentWriter(store);
  const tools = {
    reader: openSegmentReader(store, { cacheBytes: settings.spoolCache }),
    writer,
    publisher: openGroupPublisher(bus, bus.names.incomingStream),
    names: bus.names,
    configuration,
    crashPoint,
    log,
  };
  const agent = await runAgent(context, {
    transports: ['bounce'],
    slots: settings.slots,
    deliver: (task) => consumeTask(task, tools),
  });
  return {
    async stop() {
      await agent.stop();
      await writer.close();
    },
  };
}
