import { randomBytes } from 'node:crypto';
import { type Bus, connectBus, ensureStreams, openGroupPublisher, publishCorrupt } from '@railpost/bus';
import { cleanupConsumer, encodeIncomingRecord } from '@railpost/contracts';
import { type Envelope, formatQueueId } from '@railpost/mail';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { findIncoming, listEntries } from '../src/queue/queue-entries.ts';

let server: NatsServer;
let bus: Bus;

beforeAll(async () => {
  server = await startNatsServer();
  const prefix = `qe${randomBytes(4).toString('hex')}`;
  bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], prefix, name: 'test' });
  await ensureStreams(bus, { shards: 1, generation: 3 });
});

afterAll(async () => {
  await bus.close();
  await server.stop();
});

async function publishIncoming(count: number): Promise<string[]> {
  const publisher = openGroupPublisher(bus, bus.names.incomingStream);
  const ids = Array.from({ length: count }, (_, index) => formatQueueId(1_795_000_000_000 + index, index));
  await Promise.all(
    ids.map((queueId, index) => {
      const envelope: Envelope = {
        version: 1,
        queueId,
        reversePath: 'sender@elsewhere.test',
        recipients: [{ address: `r${index}@example.test` }],
        smtputf8: false,
        client: {
          ...{ listener: 'mx', role: 'MX', address: '192.0.2.1', port: 1, name: 'unknown', helo: 'x' },
          protocol: 'ESMTP',
        },
        receivedAt: new Date(1_795_000_000_000 + index).toISOString(),
      };
      const body = { key: 'segment/x', offset: 0, bytes: 100 + index, headerBytes: 10, sha256: '00' };
      const record = encodeIncomingRecord({ version: 1, envelope, body, attempt: 0 }, new Uint8Array(0));
      return publisher.publish(bus.names.incomingSubject(queueId), record, { messageId: `${queueId}/0` });
    }),
  );
  return ids;
}

it('lists what cleanup has not finished, in order of arrival, and no more than asked for', async () => {
  const ids = await publishIncoming(450);

  const all = await listEntries(bus, ['incoming'], 1000);
  const some = await listEntries(bus, ['incoming'], 10);

  expect(all.map(({ queueId }) => queueId)).toEqual(ids);
  expect(all[7]).toMatchObject({ queue: 'incoming', sizeBytes: 107, recipients: ['r7@example.test'] });
  expect(some).toHaveLength(10);
  expect((await findIncoming(bus, ids[3] ?? ''))?.record.envelope.queueId).toBe(ids[3]);
  expect(await findIncoming(bus, formatQueueId(1, 1))).toBeUndefined();

  const consumer = await bus.jetstream.consumers.get(bus.names.incomingStream, cleanupConsumer);
  for await (const message of await consumer.fetch({ max_messages: 400, expires: 5000 })) message.ack();
  await vi.waitFor(async () => expect(await listEntries(bus, ['incoming'], 1000)).toHaveLength(50), {
    timeout: 5000,
  });
});

it('lists corrupt records with their reason', async () => {
  await publishCorrupt(bus, {
    version: 1,
    service: 'cleanup',
    queueId: formatQueueId(5, 5),
    reason: 'not an INCOMING record',
    busSubject: 'x',
    payload: Buffer.from('abc').toString('base64'),
    at: new Date(0).toISOString(),
  });

  const entries = await listEntries(bus, ['corrupt'], 10);

  expect(entries).toMatchObject([
    {
      queue: 'corrupt',
      queueId: formatQueueId(5, 5),
      sizeBytes: 3,
      reason: 'cleanup: not an INCOMING record',
    },
  ]);
});
