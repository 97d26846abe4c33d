/** The bus against a real nats-server: health gate, streams, group commit, consuming, purge. One server, a prefix per test. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanupConsumer, encodeRecord, parseRecord } from '@railpost/contracts';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Bus,
  type BusMessage,
  IncompatibleStreamError,
  StreamFullError,
  connectBus,
  consume,
  ensureStreams,
  listShards,
  openGroupPublisher,
  publishCorrupt,
  startAckFloorPurge,
  startFullnessWatch,
} from '../src/index.ts';

/** The server's disk is promised to all tests of this file together. */
const little = { incoming: 1e8, active: 1e8, defer: 1e8 };
let server: NatsServer;
const open: Bus[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
});

async function connectTest(
  options: { readonly prefix?: string; readonly at?: NatsServer } = {},
): Promise<Bus> {
  const at = options.at ?? server;
  const bus = await connectBus({
    servers: [at.url],
    monitorUrls: [at.monitorUrl],
    prefix: options.prefix ?? `t-${randomUUID().slice(0, 8)}`,
    name: 'test',
    publishTimeoutMs: 1000,
    pingMs: 200,
  });
  open.push(bus);
  return bus;
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await sleep(20);
  }
}

describe('health', () => {
  it('is good on a server with sync_interval: always', async () => {
    const bus = await connectTest();

    expect(bus.health()).toEqual({ isHealthy: true, problems: [] });
  });

  it('names a server without sync_interval: always', async () => {
    const lazy = await startNatsServer({ syncAlways: false });

    const bus = await connectTest({ at: lazy });

    expect(bus.health().problems.join()).toContain('sync_interval: always');
    await bus.close();
    await lazy.stop();
  });

  it('turns bad within three seconds while the server is paused, and good again afterwards', async () => {
    const own = await startNatsServer();
    const bus = await connectTest({ at: own });

    own.pause();
    await until(() => !bus.health().isHealthy, 3500);
    expect(bus.transitAgeMs()).toBeGreaterThan(2000);
    own.resume();

    await until(() => bus.health().isHealthy, 3000);
    expect(bus.lastAnswerAgeMs()).toBeLessThan(2000);
    await until(() => bus.transitAgeMs() < 1500, 5000);
    await bus.close();
    await own.stop();
  });
});

describe('streams', () => {
  it('are created twice without a complaint and start at the generation', async () => {
    const bus = await connectTest();

    await ensureStreams(bus, { shards: 2, generation: 3 });
    await ensureStreams(bus, { shards: 2, generation: 3 });

    const { sequence } = await openGroupPublisher(bus, bus.names.incomingStream).publish(
      bus.names.incomingSubject('a'),
      encodeRecord({}),
    );
    expect(sequence).toBe(3 * 2 ** 40);
    expect(await listShards(bus)).toEqual([0, 1]);
  });

  it('are refused when an existing one lacks what durability needs', async () => {
    const bus = await connectTest();
    await bus.manager.streams.add({
      name: bus.names.incomingStream,
      subjects: [`${bus.names.prefix}.in.>`],
      allow_direct: true,
    });

    await expect(ensureStreams(bus, { shards: 1, generation: 1 })).rejects.toThrow(IncompatibleStreamError);
  });

  it('count as full near max_bytes', async () => {
    const bus = await connectTest();
    const maxBytes = { incoming: 20_000, active: 1_000_000, defer: 1_000_000 };
    await ensureStreams(bus, { shards: 1, generation: 1, maxBytes });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream);
    const fill = async () => {
      for (;;) await publisher.publish(bus.names.incomingSubject(randomUUID()), new Uint8Array(500));
    };

    await expect(fill()).rejects.toThrow(StreamFullError);

    const watch = startFullnessWatch(bus, 100);
    await until(() => watch.isFull());
    expect(watch.fullStreams).toEqual([bus.names.incomingStream]);
    watch.stop();
  });
});

describe('group publisher', () => {
  it('stores every message once under its own sequence', async () => {
    const bus = await connectTest();
    await ensureStreams(bus, { shards: 1, generation: 1 });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream);

    const published = await Promise.all(
      Array.from({ length: 2500 }, (_, index) =>
        publisher.publish(bus.names.incomingSubject(`m${index}`), encodeRecord({ index }), {
          messageId: `m${index}/0`,
        }),
      ),
    );

    expect(new Set(published.map((each) => each.sequence)).size).toBe(2500);
    const probe = published[1777];
    const stored = await bus.manager.streams.getMessage(bus.names.incomingStream, {
      seq: probe?.sequence ?? 0,
    });
    expect(stored?.json()).toEqual({ index: 1777 });
    expect(publisher.pending).toBe(0);
  });

  it('finds duplicates in a batch and stores the rest', async () => {
    const bus = await connectTest();
    await ensureStreams(bus, { shards: 1, generation: 1 });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream);
    const publish = (name: string) =>
      publisher.publish(bus.names.incomingSubject(name), encodeRecord({}), { messageId: name });
    const first = await publish('b');

    const [a, b, c] = await Promise.all([publish('a'), publish('b'), publish('c')]);

    expect(b).toEqual({
      sequence: first.sequence,
      isDuplicate: true,
      busSubject: bus.names.incomingSubject('b'),
    });
    expect([a?.isDuplicate, c?.isDuplicate]).toEqual([false, false]);
    expect((await bus.manager.streams.info(bus.names.incomingStream)).state.messages).toBe(3);
  });

  it('loses nothing that it reported stored, and doubles nothing, when the server is killed and paused', async () => {
    const own = await startNatsServer();
    const bus = await connectTest({ at: own });
    await ensureStreams(bus, { shards: 1, generation: 1 });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream);
    const reported = new Set<string>();
    let counter = 0;
    let isOver = false;
    const produce = async () => {
      while (!isOver) {
        const id = `m${counter++}`;
        await publisher.publish(bus.names.incomingSubject(id), encodeRecord({ id }), { messageId: id });
        reported.add(id);
      }
    };
    const producers = Array.from({ length: 100 }, produce);

    const more = async () => {
      const enough = reported.size + 200;
      while (reported.size < enough) await sleep(10);
    };
    for (let round = 0; round < 3; round += 1) {
      await more();
      await own.restart();
      await more();
      own.pause();
      await sleep(1300);
      own.resume();
    }
    isOver = true;
    await Promise.all(producers);

    const { state } = await bus.manager.streams.info(bus.names.incomingStream, { subjects_filter: '>' });
    const subjects = state.subjects ?? {};
    const lost = [...reported].filter((id) => subjects[bus.names.incomingSubject(id)] === undefined);
    const doubled = Object.entries(subjects).filter(([, count]) => count !== 1);
    expect({ lost, doubled }).toEqual({ lost: [], doubled: [] });
    await bus.close();
    await own.stop();
  });

  it('bundles what gathers, and consumers get it record by record', async () => {
    const bus = await connectTest();
    await ensureStreams(bus, { shards: 1, generation: 1, maxBytes: little });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream, { isBundling: true });
    const names = Array.from({ length: 500 }, (_, index) => `m${index}`);

    await Promise.all(
      names.map((name) =>
        publisher.publish(bus.names.incomingSubject(name), encodeRecord({ name }), { messageId: name }),
      ),
    );
    const seen = new Map<string, unknown>();
    const consumption = await consume(bus, {
      stream: bus.names.incomingStream,
      consumer: cleanupConsumer,
      onMessage: (message) => {
        seen.set(message.subject, parseRecord(message.data));
        message.ack();
      },
    });

    await until(() => seen.size === names.length, 10_000);
    expect(seen.get(bus.names.incomingSubject('m321'))).toEqual({ name: 'm321' });
    expect((await bus.manager.streams.info(bus.names.incomingStream)).state.messages).toBeLessThan(20);
    expect(publisher.pending).toBe(0);
    const { stream, consumer } = { stream: bus.names.incomingStream, consumer: cleanupConsumer };
    await until(async () => (await bus.manager.consumers.info(stream, consumer)).num_ack_pending === 0, 5000);
    await consumption.stop();
  });

  it('loses nothing of a bundle that it reported stored when the server is killed', async () => {
    const own = await startNatsServer();
    const bus = await connectTest({ at: own });
    await ensureStreams(bus, { shards: 1, generation: 1 });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream, { isBundling: true });
    const reported = new Set<string>();
    let isOver = false;
    let counter = 0;
    const produce = async () => {
      while (!isOver) {
        const subject = bus.names.incomingSubject(`m${counter++}`);
        await publisher.publish(subject, encodeRecord({}), { messageId: subject });
        reported.add(subject);
      }
    };
    const producers = Array.from({ length: 50 }, produce);

    await until(() => reported.size > 500, 10_000);
    await own.restart();
    await until(() => reported.size > 1000, 10_000);
    isOver = true;
    await Promise.all(producers);

    const seen = new Map<string, number>();
    const consumption = await consume(bus, {
      stream: bus.names.incomingStream,
      consumer: cleanupConsumer,
      onMessage: (message) => {
        seen.set(message.subject, (seen.get(message.subject) ?? 0) + 1);
        message.ack();
      },
    });
    await until(() => seen.size >= reported.size, 10_000);
    expect([...reported].filter((subject) => !seen.has(subject))).toEqual([]);
    expect([...seen].filter(([, count]) => count !== 1)).toEqual([]);
    await consumption.stop();
    await bus.close();
    await own.stop();
  });

  it('gives up when its caller does', async () => {
    const own = await startNatsServer();
    const bus = await connectTest({ at: own });
    await ensureStreams(bus, { shards: 1, generation: 1 });
    await own.kill();

    const publishing = openGroupPublisher(bus, bus.names.incomingStream).publish(
      bus.names.incomingSubject('x'),
      encodeRecord({}),
      { messageId: 'x', signal: AbortSignal.timeout(500) },
    );

    await expect(publishing).rejects.toMatchObject({ code: 'BUS_CLOSED', temporary: true });
    await bus.close();
    await own.stop();
  });
});

describe('consume', () => {
  it('gives a whole bundle back when one record is naked, after the others are settled', async () => {
    const bus = await connectTest();
    await ensureStreams(bus, { shards: 1, generation: 1, maxBytes: little });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream, { isBundling: true });
    const seen: BusMessage[] = [];
    const consumption = await consume(bus, {
      stream: bus.names.incomingStream,
      consumer: cleanupConsumer,
      onMessage: (message) => void seen.push(message),
    });

    await Promise.all(
      ['a', 'b', 'c'].map((name) => publisher.publish(bus.names.incomingSubject(name), encodeRecord({}))),
    );
    await until(() => seen.length === 3, 10_000);
    seen[0]?.ack();
    seen[1]?.nak(50.7);
    expect(consumption.inHand).toBe(1);
    seen[2]?.ack();
    await until(() => seen.length === 6, 10_000);
    for (const message of seen.slice(3)) message.ack();

    expect(seen.slice(3).map(({ subject, deliveryCount }) => [subject, deliveryCount])).toEqual(
      ['a', 'b', 'c'].map((name) => [bus.names.incomingSubject(name), 2]),
    );
    const info = () => bus.manager.consumers.info(bus.names.incomingStream, cleanupConsumer);
    await until(async () => (await info()).num_ack_pending === 0, 5000);
    await consumption.stop();
  });

  it('keeps a message from redelivery while it is in hand, and gives it back on nak', async () => {
    const bus = await connectTest();
    await ensureStreams(bus, { shards: 1, generation: 1, ackWaitMs: 600 });
    const seen: BusMessage[] = [];
    const consumption = await consume(bus, {
      stream: bus.names.incomingStream,
      consumer: cleanupConsumer,
      ackWaitMs: 600,
      onMessage: (message) => void seen.push(message),
    });
    await openGroupPublisher(bus, bus.names.incomingStream).publish(
      bus.names.incomingSubject('a'),
      encodeRecord({}),
    );

    await until(() => seen.length === 1);
    await sleep(2000);
    const afterWaiting = seen.length;
    seen[0]?.nak(50.7);
    await until(() => seen.length === 2);
    seen[1]?.ack();

    expect(afterWaiting).toBe(1);
    expect(seen[1]?.deliveryCount).toBe(2);
    await consumption.stop();
  });

  it('goes on within ten seconds after the server was killed, and when the stream was made anew', async () => {
    const own = await startNatsServer();
    const bus = await connectTest({ at: own });
    await ensureStreams(bus, { shards: 1, generation: 1 });
    const seen = new Set<string>();
    const consumption = await consume(bus, {
      stream: bus.names.incomingStream,
      consumer: cleanupConsumer,
      onMessage: (message) => {
        seen.add(message.subject);
        message.ack();
      },
    });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream);
    const publish = (name: string) => publisher.publish(bus.names.incomingSubject(name), encodeRecord({}));

    await own.restart();
    await publish('after-kill');
    await until(() => seen.has(bus.names.incomingSubject('after-kill')), 10_000);
    await bus.manager.streams.delete(bus.names.incomingStream);
    await ensureStreams(bus, { shards: 1, generation: 1 });
    await publish('after-wipe');

    await until(() => seen.has(bus.names.incomingSubject('after-wipe')), 10_000);
    expect([...seen]).toEqual(['after-kill', 'after-wipe'].map((name) => bus.names.incomingSubject(name)));
    await consumption.stop();
    await bus.close();
    await own.stop();
  });

  it('purges up to the ack floor and no further', async () => {
    const bus = await connectTest();
    await ensureStreams(bus, { shards: 1, generation: 1 });
    const stream = bus.names.incomingStream;
    const held: BusMessage[] = [];
    const consumption = await consume(bus, {
      stream,
      consumer: cleanupConsumer,
      onMessage: (message) => void (message.subject.endsWith('.m5') ? held.push(message) : message.ack()),
    });
    const publisher = openGroupPublisher(bus, stream);
    const purge = startAckFloorPurge(bus, { stream, consumer: cleanupConsumer, everyMs: 50 });
    for (let index = 0; index < 10; index += 1)
      await publisher.publish(bus.names.incomingSubject(`m${index}`), encodeRecord({}));

    const count = async () => (await bus.manager.streams.info(stream)).state.messages;
    await until(async () => (await count()) === 5);
    await sleep(200);
    const whileHeld = await count();
    held[0]?.ack();
    await until(async () => (await count()) === 0);

    expect(whileHeld).toBe(5);
    await purge.stop();
    await consumption.stop();
  });
});

it('keeps one copy of a corrupt record', async () => {
  const bus = await connectTest();
  await ensureStreams(bus, { shards: 1, generation: 1 });
  const record = {
    version: 1,
    service: 'cleanup',
    reason: 'not JSON',
    busSubject: 'x',
    payload: '',
    at: '2026-01-01T00:00:00.000Z',
  } as const;

  await publishCorrupt(bus, record);
  await publishCorrupt(bus, record);

  expect((await bus.manager.streams.info(bus.names.corruptStream)).state.messages).toBe(1);
});
