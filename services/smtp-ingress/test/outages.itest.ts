/**
 * What clients hear when something is down (durability rule 1): 451 or 452 within the deadline, by DATA and by BDAT, never a 250 for what is
 * not in the spool, never a hang; readiness stays, health and metrics name the part; and mail is taken again by itself. Real parts: the
 * spool on a volume of its own, nats-server of the test's own. Object storage: s3-outages.itest.ts.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureStreams } from '@railpost/bus';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { beginMessage } from './client.ts';
import { type Beginning, OutageSite, accepted, expectKept, expectOutage } from './outage-site.ts';

const run = promisify(execFile);

let server: NatsServer;
let site: OutageSite;
const cleanUps: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

afterEach(async () => {
  await site.close();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function begin(more: Partial<Beginning> = {}): Promise<void> {
  site = await OutageSite.open({ nats: server, ...more });
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
    const [place, away] = [join(site.platform.folder, 'spool'), join(site.platform.folder, 'spool-away')];

    await expectOutage(site, {
      part: 'spool',
      reply: /^451 4\.3\.0 /,
      says: /no mail is taken \(451 4\.3\.0\), spool: .*ENOENT.*mend/,
      start: () => rename(place, away),
      end: () => rename(away, place),
    });
  });

  test('fails between two chunks: the last one hears 451, and nothing is kept', async () => {
    await begin();
    const [place, away] = [join(site.platform.folder, 'spool'), join(site.platform.folder, 'spool-away')];
    const script = await site.client.connectMx();
    await beginMessage(script);
    script.write('BDAT 14\r\nSubject: x\r\n\r\n');
    expect((await script.reply()).code).toBe(250);

    await rename(place, away);
    script.write('BDAT 6 LAST\r\nbody\r\n');

    expect((await script.reply()).text).toMatch(/^451 4\.3\.0 /);
    await site.untilOutage('spool');
    await rename(away, place);
    await site.untilOutage('none');
    await expectKept(site, []);
    expect(await site.send('BDAT')).toEqual(accepted);
  });

  test('is read-only: 451, until it is writable', async () => {
    const volume = await mountVolume();
    await begin({ spool: `dir:${volume}` });

    await expectOutage(site, {
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

    await expectOutage(site, {
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

    await expectOutage(site, {
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

    await expectOutage(site, {
      part: 'disk',
      reply: /^452 4\.3\.1 /,
      says: /disk: the volume of /,
      start: () => fill(volume, 62),
      end: () => rm(join(volume, 'filler')),
    });
  });
});

describe('NATS', () => {
  let own: NatsServer;

  async function beginOnOwn(flags: readonly string[] = []): Promise<void> {
    own = await startNatsServer();
    cleanUps.push(() => own.stop());
    await begin({ nats: own, flags });
  }

  const names = () => site.platform.bus.names;

  test('is gone: 451, until it is back', async () => {
    await beginOnOwn();

    await expectOutage(site, {
      part: 'nats',
      reply: /^451 4\.3\.0 /,
      says: /no mail is taken \(451 4\.3\.0\), nats: not connected to NATS; start or mend nats-server/,
      start: () => own.kill(),
      end: () => own.restart(),
    });
  });

  test('stands still: 451, until it goes on', async () => {
    await beginOnOwn();

    await expectOutage(site, {
      part: 'nats',
      reply: /^451 4\.3\.0 /,
      says: /nats: (not connected to NATS|NATS does not answer)/,
      start: () => own.pause(),
      end: () => own.resume(),
    });
  });

  test('has lost the streams: 451, until they are made', async () => {
    await begin();

    await expectOutage(site, {
      part: 'nats',
      reply: /^451 4\.3\.0 /,
      says: /nats: the platform's streams do not exist/,
      async start() {
        await site.platform.bus.manager.streams.delete(names().incomingStream);
        await site.untilOutage('nats');
      },
      end: () => ensureStreams(site.platform.bus, { shards: 1, generation: 1 }),
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

    const { replies } = await site.sendBoth();
    await site.untilOutage('nats');

    expect(replies).toEqual([expect.stringMatching(/^451 4\.3\.0 /), expect.stringMatching(/^451 4\.3\.0 /)]);
    expect(await site.ask('/health')).toMatch(says);
    varz = { version: '2.15.1', jetstream: { config: { sync_always: true } } };
    await site.untilOutage('none');
    expect((await site.sendBoth()).replies).toEqual([accepted, accepted]);
  });
});

describe('the queue', () => {
  const names = () => site.platform.bus.names;

  async function publish(subject: string, count: number, bytes: number): Promise<void> {
    for (let index = 0; index < count; index += 1)
      await site.platform.bus.jetstream.publish(`${subject}.${index}`, new Uint8Array(bytes));
  }

  test('has DEFER at 90 %: 452, until there is room', async () => {
    await begin();

    await expectOutage(site, {
      part: 'queue',
      reply: /^452 4\.3\.1 /,
      says: /no mail is taken \(452 4\.3\.1\), queue: full: \S+_DEFER_0; see what waits/,
      async start() {
        await publish(`${names().prefix}.def.0.d`, 31, 500_000);
        await site.untilOutage('queue');
      },
      end: () => site.platform.bus.manager.streams.purge(names().deferStream(0)),
    });
  });

  test('has a full INCOMING: 452, until there is room', async () => {
    await begin();
    const stream = names().incomingStream;
    const { config } = await site.platform.bus.manager.streams.info(stream);

    await expectOutage(site, {
      part: 'queue',
      reply: /^452 4\.3\.1 /,
      says: /queue: full: \S+_INCOMING/,
      async start() {
        const { state } = await site.platform.bus.manager.streams.info(stream);
        await site.platform.bus.manager.streams.update(stream, { ...config, max_bytes: state.bytes + 8 });
        await site.untilOutage('queue');
      },
      end: () => site.platform.bus.manager.streams.update(stream, config),
    });
  });

  test('is over its limit: 452, until it is below', async () => {
    await begin({ flags: ['--queue-limit', '20'] });

    await expectOutage(site, {
      part: 'queue',
      reply: /^452 4\.3\.1 /,
      says: /queue: \d+ messages and jobs are queued, the limit is 20/,
      async start() {
        await publish(`${names().prefix}.act.0.d`, 20, 10);
        await site.untilOutage('queue');
      },
      end: () => site.platform.bus.manager.streams.purge(names().activeStream(0)),
    });
  });
});
