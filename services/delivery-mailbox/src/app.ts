/** Wires delivery-mailbox: the spool's reader, the Maildirs, the common form of agents. */
import { resolve } from 'node:path';
import { type Service, type ServiceContext, type SettingsOf, runAgent } from '@railpost/runtime';
import { openSegmentReader } from '@railpost/spool';
import type { DeliveryMailboxSettings } from './config.ts';
import { consumeTask } from './consume.ts';

/** Starts the service. */
export async function startDelivery(
  context: ServiceContext,
  settings: SettingsOf<typeof DeliveryMailboxSettings>,
): Promise<Service> {
  const { configuration, crashPoint, log, store } = context;
  const tools = {
    reader: openSegmentReader(store, { cacheBytes: settings.spoolCache }),
    mailRoot: resolve(settings.mailRoot ?? `${context.settings.data}/mail`),
    configuration,
    crashPoint,
    log,
  };
  return runAgent(context, {
    transports: ['mailbox'],
    slots: settings.slots,
    deliver: (task) => consumeTask(task, tools),
  });
}
