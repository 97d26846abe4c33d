/** Puts what cannot be processed into rp_CORRUPT, for a human. The caller acks its own record only afterwards. */
import { createHash } from 'node:crypto';
import { type CorruptRecord, encodeRecord } from '@railpost/contracts';
import type { Bus } from './bus.ts';
import { type GroupPublisher, openGroupPublisher } from './group-publisher.ts';

const publishers = new WeakMap<Bus, GroupPublisher>();

/** Resolves when the record is durable. The same record is stored once. @throws as GroupPublisher.publish */
export async function publishCorrupt(bus: Bus, record: CorruptRecord): Promise<void> {
  const identity = `${record.busSubject} ${record.reason} ${record.payload}`;
  const id = createHash('sha256').update(identity).digest('hex').slice(0, 32);
  const publisher = publishers.get(bus) ?? openGroupPublisher(bus, bus.names.corruptStream);
  publishers.set(bus, publisher);
  await publisher.publish(bus.names.corruptSubject(id), encodeRecord(record), { messageId: id });
}
