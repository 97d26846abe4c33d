/** Streams against a real server: made, kept, begun anew when something is lost, by one of several that see it (durability rule 18). */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, openGroupPublisher, readStreamStates } from '@railpost/bus';
import { type ObjectStore, currentGeneration, openObjectStore, recordPositions } from '@railpost/spool';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { prepareStreams } from '../src/index.ts';

const streams = { shards: 2, maxBytes: { incoming: 2 ** 24, active: 2 ** 24, defer: 2 ** 24 } };
let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-streams-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function open(): Promise<{ bus: Bus; store: ObjectStore }> {
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix: `t-${randomUUID().slice(0, 8)}`,
    name: 'test',
  });
  const store = await openObjectStore(`dir:${await openFolder()}`);
  onTestFinished(async () => {
    for await (const name of bus.manager.streams.names())
      if (name.includes(bus.names.prefix)) await bus.manager.streams.delete(name);
    await bus.close();
    await store.close();
  });
  return { bus, store };
}

async function generations(bus: Bus): Promise<number[]> {
  return (await readStreamStates(bus)).map(({ generation }) => generation);
}

async function publish(bus: Bus): Promise<number> {
  const publisher = openGroupPublisher(bus, bus.names.incomingStream);
  return (await publisher.publish(bus.names.incomingSubject('id'), new Uint8Array(1))).sequence;
}

it('makes the first generation, and then leaves it as it is', async () => {
  const { bus, store } = await open();

  const first = await prepareStreams({ bus, store, streams });
  const second = await prepareStreams({ bus, store, streams });

  expect([first, second].map(({ generation, lost }) => [generation, lost])).toEqual([
    [1, undefined],
    [1, undefined],
  ]);
  expect(await generations(bus)).toEqual([1, 1, 1, 1, 1]);
});

it('begins one generation when many see that a stream is gone, and nobody removes what another made', async () => {
  const { bus, store } = await open();
  await prepareStreams({ bus, store, streams });
  await bus.manager.streams.delete(bus.names.incomingStream);

  const prepared = await Promise.all(
    Array.from({ length: 5 }, () => prepareStreams({ bus, store, streams, confirmMs: 100 })),
  );

  expect(await currentGeneration(store)).toBe(2);
  expect(prepared.map(({ generation }) => generation)).toEqual([2, 2, 2, 2, 2]);
  expect(prepared.filter(({ lost }) => lost !== undefined)).toHaveLength(1);
  expect(await generations(bus)).toEqual([2, 2, 2, 2, 2]);
});

it('goes on where one stopped that had only begun the generation, or only removed', async () => {
  const { bus, store } = await open();
  await prepareStreams({ bus, store, streams });
  const die = (at: string) => (name: string) => {
    if (name === at) throw new Error('dead');
  };
  await bus.manager.streams.delete(bus.names.incomingStream);
  for (const point of ['streams.generation-made', 'streams.earlier-removed'])
    await expect(
      prepareStreams({ bus, store, streams, confirmMs: 100, patienceMs: 300, crashPoint: die(point) }),
    ).rejects.toThrow('dead');

  await prepareStreams({ bus, store, streams, confirmMs: 100, patienceMs: 300 });

  expect(new Set(await generations(bus))).toEqual(new Set([await currentGeneration(store)]));
  expect(await publish(bus)).toBeGreaterThan(2 * 2 ** 40);
});

it.each(['the spool', 'this process'])(
  'takes a stream for lost that is behind what %s remembers',
  async (who) => {
    const { bus, store } = await open();
    await prepareStreams({ bus, store, streams });
    const positions = { [bus.names.incomingStream]: (await publish(bus)) + 1 };
    if (who === 'the spool') await recordPositions(store, 1, positions, Date.now());
    const seen = { generation: 1, positions };

    const request = { bus, store, streams, confirmMs: 100 };
    const prepared = await prepareStreams(who === 'the spool' ? request : { ...request, seen });

    expect(prepared.generation).toBe(2);
    expect(prepared.lost).toContain('INCOMING');
    expect(await generations(bus)).toEqual([2, 2, 2, 2, 2]);
  },
);

it('refuses streams of another spool', async () => {
  const { bus, store } = await open();
  await prepareStreams({ bus, store, streams });
  await bus.manager.streams.delete(bus.names.incomingStream);
  await prepareStreams({ bus, store, streams, confirmMs: 100 });
  const other = await openObjectStore(`dir:${await openFolder()}`);

  await expect(prepareStreams({ bus, store: other, streams })).rejects.toThrow('another spool');
  expect(await generations(bus)).toEqual([2, 2, 2, 2, 2]);
  await other.close();
});

it('does not take for lost what an owner writes while it looks', async () => {
  const { bus, store } = await open();
  await prepareStreams({ bus, store, streams });
  const name = bus.names.incomingStream;
  // Each reading of positions finds one of a message that has just come.
  const list: ObjectStore['list'] = async function* (prefix, ...rest) {
    await recordPositions(store, 1, { [name]: await publish(bus) }, Date.now());
    yield* store.list(prefix, ...rest);
  };
  const written = new Proxy(store, {
    get: (target, key) => {
      const value: unknown = key === 'list' ? list : Reflect.get(target, key);
      const bound: unknown = typeof value === 'function' ? value.bind(target) : value;
      return bound;
    },
  });

  const looked = await prepareStreams({ bus, store: written, streams, confirmMs: 0, patienceMs: 0 });

  expect(looked).toMatchObject({ generation: 1, lost: undefined });
});
