/**
 * What clients hear when something is down (durability rule 1): 451 or 452 within the deadline, by DATA and by BDAT, never a 250 for what is
 * not in the spool, never a hang; readiness stays, health and metrics name the part; and mail is taken again by itself. Real parts: the
 * directory on a volume of its own, versitygw behind a proxy that answers for it, nats-server of the test's own.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureStreams } from '@railpost/bus';
import { type ObjectStore, openObjectStore, readSegment } from '@railpost/spool';
import {
  type NatsServer,
  type S3Server,
  type ServiceProcess,
  startNatsServer,
  startS3Server,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TestClient, beginMessage, sendData } from './client.ts';
import { type TestPlatform, openPlatform, until } from './harness.ts';
import { type S3Fault, type S3FaultProxy, startS3FaultProxy } from './s3-fault-proxy.ts';

const run = promisify(execFile);

/** Longest time for an answer: 10 s for the PUT, 5 s for the void object, and a loaded machine. */
const answerMs = 20_000;

let server: NatsServer;
let platform: TestPlatform;
let store: ObjectStore;
let client: TestClient;
let ingress: ServiceProcess;
const cleanUps: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

afterEach(async () => {
  client.close();
  await platform.close();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Beginning {
  readonly nats?: NatsServer;
  /** What ingress is told; the test reads by `direct`, which no fault is in the way of. */
  readonly spool?: string;
  readonly direct?: string;
  readonly flags?: readonly string[];
}

async function begin({ nats = server, spool, direct = spool, flags = [] }: Beginning = {}): Promise<void> {
  platform = await openPlatform(nats);
  client = new TestClient(platform);
  store = direct === undefined ? platform.store : await openObjectStore(direct);
  ingress = await platform.start([...(spool === undefined ? [] : ['--spool', spool]), ...flags]);
}

/** A message by DATA or BDAT on a connection of its own; the first reply that is not a step on the way. */
async function send(verb: 'DATA' | 'BDAT'): Promise<string> {
  const script = await client.connect(platform.ports.mx, { replyMs: answerMs });
  await script.ask('EHLO client.test');
  try {
    if (verb === 'DATA') return await sendData(script, 'Subject: x\r\n\r\nbody\r\n');
    await beginMessage(script);
    const chunk = 'Subject: x\r\n\r\nbody\r\n';
    script.write(`BDAT ${chunk.length} LAST\r\n${chunk}`);
    return (await script.reply()).text;
  } catch {
    // Closed without a reply: nobody knows whether the message is stored.
    return script.hasEnded ? 'silence' : 'hang';
  } finally {
    script.close();
  }
}

/** Both verbs at once, and how long the slower one took. */
async function sendBoth(): Promise<{ readonly replies: string[]; readonly tookMs: number }> {
  const startedAt = performance.now();
  const replies = await Promise.all([send('DATA'), send('BDAT')]);
  return { replies, tookMs: performance.now() - startedAt };
}

async function ask(path: string): Promise<string> {
  const url = String(ingress.events.find(({ event }) => event === 'starting')?.['httpUrl']);
  return (await fetch(`${url}${path}`)).text();
}

async function outageShown(): Promise<string> {
  return /railpost_outage\{part="(\w+)"\} 1/.exec(await ask('/metrics'))?.[1] ?? 'none';
}

interface OutageCase {
  readonly part: string;
  readonly reply: RegExp;
  readonly says: RegExp;
  readonly start: () => Promise<unknown> | void;
  readonly end: () => Promise<unknown> | void;
}

const accepted = expect.stringMatching(/^250 /);

/** The outage, from its beginning to its end, as clients and operators see it. */
async function expectOutage({ part, reply, says, start, end }: OutageCase): Promise<void> {
  const before = await sendBoth();
  expect(before.replies).toEqual([accepted, accepted]);
  await start();

  const first = await sendBoth();

  expect(first.tookMs).toBeLessThan(answerMs);
  expect(first.replies).not.toContain('hang');
  await until(async () => (await outageShown()) === part);
  const during = await sendBoth();
  expect(during.replies).toEqual([expect.stringMatching(reply), expect.stringMatching(reply)]);
  expect(during.tookMs).toBeLessThan(3000);
  expect(await ask('/readyz')).toBe('ready\n');
  expect(await ask('/health')).toMatch(says);
  expect(ingress.events.some(({ event }) => event === 'outage-began')).toBe(true);

  await end();
  await until(async () => (await outageShown()) === 'none', 30_000);
  const after = await sendBoth();
  expect(after.replies).toEqual([accepted, accepted]);
  expect(await ask('/health')).not.toMatch(says);
  await expectKept([...before.replies, ...first.replies, ...after.replies]);
}

/** Every 250 is in the spool; of what nobody answered for there may be something; of what was refused there is nothing. */
async function expectKept(replies: readonly string[]): Promise<void> {
  const kept = replies.filter((each) => each.startsWith('250 ')).length;
  const silent = replies.filter((each) => each === 'silence').length;
  const spooled = await countSpooled();
  expect(spooled).toBeGreaterThanOrEqual(kept);
  expect(spooled).toBeLessThanOrEqual(kept + silent);
}

async function countSpooled(): Promise<number> {
  let count = 0;
  for await (const { key } of store.list('segment/')) count += (await readSegment(store, key)).records.length;
  return count;
}

describe('the spool in a directory', () => {
  /** A volume of its own; the tests run as root, whom permissions do not stop. */
  async function mountVolume(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'railpost-volume-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', path]);
    cleanUps.push(() => run('umount', ['-l', path]).then(() => rm(path, { recursive: true })));
    return path;
  }

  const fill = (volume: string, mebibytes: number) =>
    run('fallocate', ['-l', `${mebibytes}MiB`, join(volume, 'filler')]);

  test('is gone: 451, until it is back', async () => {
    await begin();
    const [place, away] = [join(platform.folder, 'spool'), join(platform.folder, 'spool-away')];

    await expectOutage({
      part: 'spool',
      reply: /^451 4\.3\.0 /,
      says: /no mail is taken \(451 4\.3\.0\), spool: .*ENOENT.*mend/,
      start: () => rename(place, away),
      end: () => rename(away, place),
    });
  });

  test('is read-only: 451, until it is writable', async () => {
    const volume = await mountVolume();
    await begin({ spool: `dir:${volume}` });

    await expectOutage({
      part: 'spool',
      reply: /^451 4\.3\.0 /,
      says: /spool: .*takes no writes: EROFS/,
      start: () => run('mount', ['-o', 'remount,ro', volume]),
      end: () => run('mount', ['-o', 'remount,rw', volume]),
    });
  });

  test('is full: 451, until there is room', async () => {
    const volume = await mountVolume();
    await begin({ spool: `dir:${volume}`, flags: ['--disk-reserve', '0'] });

    await expectOutage({
      part: 'spool',
      reply: /^451 4\.3\.0 /,
      says: /spool: .*takes no writes: ENOSPC/,
      async start() {
        await fill(volume, 63);
        // The rest, in small steps until nothing fits.
        await run('dd', ['if=/dev/zero', `of=${join(volume, 'rest')}`, 'bs=4k']).catch(() => undefined);
      },
      end: () => Promise.all(['filler', 'rest'].map((name) => rm(join(volume, name)))),
    });
  });

  test('has a volume that is nearly full: 452 before anything fails', async () => {
    const volume = await mountVolume();
    await begin({ spool: `dir:${volume}` });

    await expectOutage({
      part: 'disk',
      reply: /^452 4\.3\.1 /,
      says: /no mail is taken \(452 4\.3\.1\), disk: the volume of \S+ has 1 MiB free, 3 MiB are reserved; free space/,
      start: () => fill(volume, 62),
      end: () => rm(join(volume, 'filler')),
    });
  });

  test('is well while the volume of a watched folder is nearly full: 452', async () => {
    const volume = await mountVolume();
    await begin({ flags: ['--watched-folders', volume] });

    await expectOutage({
      part: 'disk',
      reply: /^452 4\.3\.1 /,
      says: /disk: the volume of /,
      start: () => fill(volume, 62),
      end: () => rm(join(volume, 'filler')),
    });
  });
});

describe('the spool on S3', () => {
  let s3: S3Server;
  let proxy: S3FaultProxy;

  beforeAll(async () => {
    s3 = await startS3Server();
    proxy = await startS3FaultProxy(s3.endpoint);
  });
  afterEach(() => {
    proxy.fault = 'pass';
  });
  afterAll(async () => {
    await proxy.stop();
    await s3.stop();
  });

  async function beginOnS3(): Promise<void> {
    const direct = await s3.location('outages', crypto.randomUUID());
    await begin({ direct, spool: direct.replace(s3.endpoint, proxy.endpoint) });
  }

  test.each<[S3Fault, RegExp]>([
    ['error500', /InternalError/],
    ['slowDown', /SlowDown/],
    ['silent', /has not answered a write|takes no writes/],
    ['swallow', /has not answered a write|takes no writes/],
  ])(
    'that answers %s: 451, until it answers again',
    async (fault, says) => {
      await beginOnS3();

      await expectOutage({
        part: 'spool',
        reply: /^451 4\.3\.0 /,
        says,
        start() {
          proxy.fault = fault;
        },
        end() {
          proxy.fault = 'pass';
        },
      });
    },
    90_000,
  );

  test('that is gone: 451, until it is back', async () => {
    await beginOnS3();

    await expectOutage({
      part: 'spool',
      reply: /^451 4\.3\.0 /,
      says: /takes no writes/,
      start: () => s3.kill(),
      end: () => s3.restart(),
    });
  }, 90_000);
});

describe('NATS', () => {
  let own: NatsServer;

  async function beginOnOwn(flags: readonly string[] = []): Promise<void> {
    own = await startNatsServer();
    cleanUps.push(() => own.stop());
    await begin({ nats: own, flags });
  }

  const names = () => platform.bus.names;

  test('is gone: 451, until it is back', async () => {
    await beginOnOwn();

    await expectOutage({
      part: 'nats',
      reply: /^451 4\.3\.0 /,
      says: /no mail is taken \(451 4\.3\.0\), nats: not connected to NATS; start or mend nats-server/,
      start: () => own.kill(),
      end: () => own.restart(),
    });
  });

  test('stands still: 451, until it goes on', async () => {
    await beginOnOwn();

    await expectOutage({
      part: 'nats',
      reply: /^451 4\.3\.0 /,
      says: /nats: (not connected to NATS|NATS does not answer)/,
      start: () => own.pause(),
      end: () => own.resume(),
    });
  });

  test('has lost the streams: 451, until they are made', async () => {
    await begin();

    await expectOutage({
      part: 'nats',
      reply: /^451 4\.3\.0 /,
      says: /nats: the platform's streams do not exist/,
      async start() {
        await platform.bus.manager.streams.delete(names().incomingStream);
        await until(async () => (await outageShown()) === 'nats');
      },
      end: () => ensureStreams(platform.bus, { shards: 1, generation: 1 }),
    });
  });

  test.each([
    [
      'an old version',
      { version: '2.14.9', jetstream: { config: { sync_always: true } } },
      /is older than 2\.15\.1/,
    ],
    [
      'no sync_interval: always',
      { version: '2.15.1', jetstream: { config: {} } },
      /without sync_interval: always/,
    ],
  ])('has a server with %s: 451, until it is mended', async (_, said, says) => {
    let varz: unknown = said;
    const monitor = createServer((__, answer) => answer.end(JSON.stringify(varz)));
    await new Promise<void>((resolve) => monitor.listen(0, '127.0.0.1', resolve));
    cleanUps.push(() => new Promise((resolve) => monitor.close(resolve)));
    const address = monitor.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await begin({ flags: ['--nats-monitor-url', `http://127.0.0.1:${port}`] });

    const { replies } = await sendBoth();
    await until(async () => (await outageShown()) === 'nats');

    expect(replies).toEqual([expect.stringMatching(/^451 4\.3\.0 /), expect.stringMatching(/^451 4\.3\.0 /)]);
    expect(await ask('/health')).toMatch(says);
    varz = { version: '2.15.1', jetstream: { config: { sync_always: true } } };
    await until(async () => (await outageShown()) === 'none', 30_000);
    expect((await sendBoth()).replies).toEqual([accepted, accepted]);
  });
});

describe('the queue', () => {
  const names = () => platform.bus.names;

  async function publish(subject: string, count: number, bytes: number): Promise<void> {
    for (let index = 0; index < count; index += 1)
      await platform.bus.jetstream.publish(`${subject}.${index}`, new Uint8Array(bytes));
  }

  test('has DEFER at 90 %: 452, until there is room', async () => {
    await begin();

    await expectOutage({
      part: 'queue',
      reply: /^452 4\.3\.1 /,
      says: /no mail is taken \(452 4\.3\.1\), queue: full: \S+_DEFER_0; see what waits/,
      async start() {
        await publish(`${names().prefix}.def.0.d`, 31, 500_000);
        await until(async () => (await outageShown()) === 'queue');
      },
      end: () => platform.bus.manager.streams.purge(names().deferStream(0)),
    });
  });

  test('has a full INCOMING: 452, until there is room', async () => {
    await begin();
    const stream = names().incomingStream;
    const { config } = await platform.bus.manager.streams.info(stream);

    await expectOutage({
      part: 'queue',
      reply: /^452 4\.3\.1 /,
      says: /queue: full: \S+_INCOMING/,
      async start() {
        const { state } = await platform.bus.manager.streams.info(stream);
        await platform.bus.manager.streams.update(stream, { ...config, max_bytes: state.bytes + 8 });
        await until(async () => (await outageShown()) === 'queue');
      },
      end: () => platform.bus.manager.streams.update(stream, config),
    });
  });

  test('is over its limit: 452, until it is below', async () => {
    await begin({ flags: ['--queue-limit', '20'] });

    await expectOutage({
      part: 'queue',
      reply: /^452 4\.3\.1 /,
      says: /queue: \d+ messages and jobs are queued, the limit is 20/,
      async start() {
        await publish(`${names().prefix}.act.0.d`, 20, 10);
        await until(async () => (await outageShown()) === 'queue');
      },
      end: () => platform.bus.manager.streams.purge(names().activeStream(0)),
    });
  });
});
