/** Leases and the fence against real nats-servers: two holders, deposed writers, lost answers, kill -9, three replicas. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { encodeRecord } from '@railpost/contracts';
import { type NatsServer, startNatsCluster, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type Bus,
  type DeferEntry,
  DeposedError,
  type FencedWriter,
  type LeaseTerm,
  connectBus,
  ensureStreams,
  openFence,
  openLease,
  scanDefer,
} from '../src/index.ts';

/** As in scan-defer.ts: after it a pull without a message is over. */
const pullMs = 5000;

let server: NatsServer;
const open: Bus[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
});

async function connectTest(prefix: string, at: readonly NatsServer[] = [server]): Promise<Bus> {
  const bus = await connectBus({
    servers: at.map((each) => each.url),
    monitorUrls: at.map((each) => each.monitorUrl),
    prefix,
    name: 'test',
    publishTimeoutMs: 1000,
  });
  open.push(bus);
  return bus;
}

/** The server's disk is promised to all tests of this file together. */
const little = { incoming: 1e8, active: 1e8, defer: 1e8 };

async function openShard(replicas = 1, at: readonly NatsServer[] = [server]): Promise<Bus> {
  const bus = await connectTest(`t-${randomUUID().slice(0, 8)}`, at);
  await retry(() => ensureStreams(bus, { shards: 1, generation: 1, replicas, maxBytes: little }));
  return bus;
}

async function takeOver(bus: Bus, holder: string): Promise<FencedWriter> {
  return (await openFence(bus, 0, holder)).claim();
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await sleep(20);
  }
}

async function readState(bus: Bus, job: string): Promise<unknown> {
  const subject = bus.names.deferSubject(0, 'smtp:x.test', job);
  const last = await bus.manager.streams.getMessage(bus.names.deferStream(0), { last_by_subj: subject });
  return last?.json();
}

function write(bus: Bus, writer: FencedWriter, job: string, state: string): Promise<number> {
  return writer.write(bus.names.deferSubject(0, 'smtp:x.test', job), encodeRecord(state), {
    'Rp-Defer': state,
  });
}

describe('lease', () => {
  it('is held by one at a time and passes on after release at once', async () => {
    const bus = await openShard();
    const first = await openLease(bus, 'shard.0', 'a', { ttlMs: 3000 }).tryAcquire();
    const second = openLease(bus, 'shard.0', 'b', { ttlMs: 3000 });

    const whileHeld = await second.tryAcquire();
    await first?.release();
    const afterRelease = await second.tryAcquire();

    expect(whileHeld).toBeUndefined();
    expect(first?.isHeld()).toBe(false);
    expect(afterRelease?.isHeld()).toBe(true);
    await afterRelease?.release();
  });

  it('lasts as long as it is refreshed and passes on when its holder falls silent', async () => {
    const bus = await openShard();
    const other = await connectTest(bus.names.prefix);
    const term = await openLease(bus, 'shard.0', 'a', { ttlMs: 3000 }).tryAcquire();
    const rival = openLease(other, 'shard.0', 'b', { ttlMs: 3000 });

    await sleep(4000);
    const whileRefreshed = await rival.tryAcquire();
    await bus.connection.close();
    const silentSince = performance.now();
    await until(() => term?.isHeld() === false);
    const stoppedActingAfter = performance.now() - silentSince;
    let taken: LeaseTerm | undefined;
    await until(async () => {
      taken = await rival.tryAcquire();
      return taken !== undefined;
    });

    expect(whileRefreshed).toBeUndefined();
    expect(stoppedActingAfter).toBeLessThan(2100);
    expect(performance.now() - silentSince).toBeLessThan(5000);
    await taken?.release();
  });

  it('ends when somebody else wrote the key', async () => {
    const bus = await openShard();
    const term = await openLease(bus, 'shard.0', 'a', { ttlMs: 3000 }).tryAcquire();
    await bus.jetstream.publish(`$KV.${bus.names.leaseBucket}.shard.0`, 'b', { ttl: '3s' });

    const isStillMine = await term?.refresh();

    expect(isStillMine).toBe(false);
    expect(term?.lost.aborted).toBe(true);
  });
});

describe('fence', () => {
  it('refuses every write of a deposed owner, alone or in batches', async () => {
    const bus = await openShard();
    const old = await takeOver(bus, 'old');
    await write(bus, old, 'j1', 'old');
    const young = await takeOver(bus, 'young');
    await write(bus, young, 'j1', 'young');

    const late = await Promise.allSettled([
      write(bus, old, 'j1', 'late'),
      write(bus, old, 'j2', 'late'),
      write(bus, old, 'j3', 'late'),
    ]);

    expect(young.epoch).toBeGreaterThan(old.epoch);
    expect(late.map((each) => each.status === 'rejected' && each.reason instanceof DeposedError)).toEqual([
      true,
      true,
      true,
    ]);
    expect(old.deposed.aborted).toBe(true);
    expect(await readState(bus, 'j1')).toBe('young');
    expect((await bus.manager.streams.info(bus.names.deferStream(0))).state.messages).toBe(2);
  });

  it('lets one of two claimers through', async () => {
    const bus = await openShard();
    const [one, two] = await Promise.all([openFence(bus, 0, 'one'), openFence(bus, 0, 'two')]);

    const claims = await Promise.allSettled([one.claim(), two.claim()]);

    expect(claims.map((each) => each.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('keeps the order of writes of one subject and reports the sequence of each', async () => {
    const bus = await openShard();
    const writer = await takeOver(bus, 'a');

    const sequences = await Promise.all(
      Array.from({ length: 300 }, (_, index) => write(bus, writer, `j${index % 100}`, `s${index}`)),
    );

    const last = await bus.manager.streams.getMessage(bus.names.deferStream(0), { seq: sequences[299] ?? 0 });
    expect(last?.json()).toBe('s299');
    expect(await readState(bus, 'j7')).toBe('s207');
    expect(new Set(sequences).size).toBe(300);
  });

  it('moves itself after a write without an answer and then stores it', async () => {
    const own = await startNatsServer();
    const bus = await openShard(1, [own]);
    const writer = await takeOver(bus, 'a');
    const before = writer.epoch;
    own.pause();
    // A stop signal takes effect a moment after it was sent; until then the server would still answer.
    await sleep(200);
    const writing = write(bus, writer, 'j1', 'first');
    await sleep(1500);
    own.resume();

    await writing;
    await write(bus, writer, 'j1', 'second');
    await sleep(1500);

    expect(writer.epoch).toBeGreaterThan(before);
    expect(await readState(bus, 'j1')).toBe('second');
    await bus.close();
    await own.stop();
  });

  it('holds what it reported through kill -9 of the server', async () => {
    const own = await startNatsServer();
    const bus = await openShard(1, [own]);
    const writer = await takeOver(bus, 'a');
    const reported = new Map<string, string>();
    let isOver = false;
    const produce = async (job: string) => {
      for (let count = 0; !isOver; count += 1) {
        await write(bus, writer, job, `s${count}`);
        reported.set(job, `s${count}`);
      }
    };
    const producers = Array.from({ length: 20 }, (_, index) => produce(`j${index}`));

    for (let round = 0; round < 3; round += 1) {
      await sleep(300);
      await own.restart();
    }
    await sleep(500);
    isOver = true;
    await Promise.all(producers);

    for (const [job, state] of reported) expect(await readState(bus, job)).toBe(state);
    await bus.close();
    await own.stop();
  });
});

it('the lane takes from this version of the client what consumers deliver, and nothing else', async () => {
  const bus = await openShard();
  const { connection } = bus;
  const seen: string[] = [];
  const subscription = connection.subscribe('lane.test', {
    callback: (_, message) => void seen.push(`client ${message.string()}`),
  });
  const close = bus.lane.open(subscription.getID(), ({ octets, headerEnd }) =>
    seen.push(`lane ${octets.toString('latin1', headerEnd, headerEnd + 1)}`),
  );
  const headers = natsHeaders();
  headers.set('a', 'b');

  for (const options of [{ headers, reply: 'x' }, { headers }, { reply: 'x' }])
    connection.publish('lane.test', '1', options);
  await connection.flush();
  close();
  connection.publish('lane.test', '2', { headers, reply: 'x' });
  await connection.flush();

  expect(seen).toEqual(['lane 1', 'client 1', 'client 1', 'client 2']);
});

/** The job and the summary. */
function textOf({ octets, subjectAt, subjectEnd, summaryAt, summaryEnd }: DeferEntry): string {
  const subject = octets.toString('latin1', subjectAt, subjectEnd);
  return `${subject.split('.').at(-1)} ${octets.toString('latin1', summaryAt, summaryEnd)}`;
}

it('a scan sees every record written before the epoch record', async () => {
  const bus = await openShard();
  const first = await takeOver(bus, 'a');
  await Promise.all(Array.from({ length: 3000 }, (_, index) => write(bus, first, `j${index}`, 'deferred')));
  const second = await takeOver(bus, 'b');
  const seen: string[] = [];

  await scanDefer(bus, {
    shard: 0,
    untilEpoch: second.epoch,
    onEntry: (entry) => seen.push(textOf(entry)),
  });

  expect(seen).toHaveLength(3000);
  expect(seen).toContain('j2999 deferred');
});

it('a scan waits for an epoch record that is not there yet, beyond the end of a pull', async () => {
  const bus = await openShard();
  const first = await takeOver(bus, 'a');
  await write(bus, first, 'j', 'deferred');
  const seen: string[] = [];
  const scanning = scanDefer(bus, {
    shard: 0,
    untilEpoch: first.epoch + 1,
    onEntry: (entry) => seen.push(textOf(entry)),
  });

  await until(() => seen.length === 1);
  await sleep(pullMs + 1000);
  await takeOver(bus, 'b');
  await scanning;

  expect(seen).toHaveLength(1);
}, 60_000);

it('a scan ends with an error when its stream was made anew and has no epoch record', async () => {
  const bus = await openShard();
  const { epoch } = await takeOver(bus, 'a');
  const stream = bus.names.deferStream(0);
  const { config } = await bus.manager.streams.info(stream);
  await bus.manager.streams.delete(stream);
  await bus.manager.streams.add(config);

  await expect(scanDefer(bus, { shard: 0, untilEpoch: epoch, onEntry: () => undefined })).rejects.toThrow(
    /ended before/,
  );
}, 60_000);

it('a scan that is stopped, or whose consumer is gone, ends with an error', async () => {
  const bus = await openShard();
  const { epoch } = await takeOver(bus, 'a');
  const stop = new AbortController();
  const options = { shard: 0, untilEpoch: epoch + 1, onEntry: () => undefined };
  const stopped = scanDefer(bus, { ...options, signal: stop.signal }).then(() => 'came to its end', String);
  const orphaned = scanDefer(bus, options).then(() => 'came to its end', String);

  const stream = bus.names.deferStream(0);
  await until(async () => (await bus.manager.streams.info(stream)).state.consumer_count === 2);
  stop.abort();
  expect(await stopped).toMatch(/ended before/);
  // The scan that was stopped takes its own away at the same time.
  for await (const { name } of bus.manager.consumers.list(stream))
    await bus.manager.consumers.delete(stream, name).catch(() => undefined);

  expect(await orphaned).toMatch(/ended before/);
}, 60_000);

describe('on three replicas', () => {
  it('no write of an older epoch follows a newer one while leaders are killed', async () => {
    const servers = await startNatsCluster(3);
    onTestFinished(async () => {
      await Promise.all(servers.map((each) => each.stop()));
    });
    const bus = await openShard(3, servers);
    const stream = bus.names.deferStream(0);
    const writers: FencedWriter[] = [await takeOver(bus, 'w0')];
    let isOver = false;
    const hammer = async (index: number) => {
      while (!isOver) {
        const writer = writers[index] ?? writers[0];
        if (writer === undefined || writer.deposed.aborted) return;
        // Each record carries the number of its owner; a subject of its own keeps all of them in the stream.
        await writer
          .write(bus.names.deferSubject(0, 'smtp:x.test', randomUUID()), encodeRecord(index))
          .catch(() => undefined);
      }
    };
    const running = [hammer(0)];

    for (let round = 1; round <= 6; round += 1) {
      await sleep(200);
      if (round % 3 === 0) {
        const leader = (await bus.manager.streams.info(stream)).cluster?.leader ?? '';
        const victim = servers.find((each) => leader === `n${new URL(each.url).port}`);
        await victim?.restart();
      }
      writers.push(await retry(() => takeOver(bus, `w${round}`)));
      running.push(hammer(round), hammer(round));
    }
    await sleep(300);
    isOver = true;
    await Promise.all(running);
    const owners: number[] = [];
    for await (const message of await bus.manager.direct.getBatch(stream, { seq: 1, batch: 100_000 }))
      if (!message.subject.endsWith('_epoch')) owners.push(message.json<number>());

    expect(owners.length).toBeGreaterThan(50);
    expect(owners).toEqual([...owners].sort((left, right) => left - right));
    await bus.close();
  });
});

async function retry<T>(action: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (error instanceof DeposedError || performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}
