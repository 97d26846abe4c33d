/**
 * smtp-ingress at each of its crash points (durability.md): whatever happens, 250 was said only for what the spool holds, 451 only for what
 * can never appear, and nothing at all when nobody can know.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createGeneration, readSegment } from '@railpost/spool';
import {
  type NatsServer,
  type S3Server,
  resumeProcess,
  startNatsServer,
  startS3Server,
  untilDone,
  untilStopped,
} from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient, beginMessage, sendData } from './client.ts';
import { type TestPlatform, openPlatform, readIncoming, until } from './harness.ts';
import { type PutFault, type PutProxy, startPutProxy } from './put-proxy.ts';

const slow = { timeout: 240_000 };
const content = 'Subject: x\r\n\r\nbody\r\n';

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

describe('kill -9', () => {
  /** What has happened by each crash point: the message is in the spool, the message is in INCOMING. */
  const points: [row: string, point: string, isSpooled: boolean, isQueued: boolean][] = [
    ['before-put', 'ingress.before-put', false, false],
    // The PUT is done, its answer was never heard: what the orphan check finds.
    ['put-sent', 'spool.put-applied', true, false],
    ['put-before-publish', 'ingress.put-before-publish', true, false],
    ['published-before-250', 'ingress.published-before-250', true, true],
    ['250-written', 'ingress.250-written', true, true],
  ];

  it.each(points)(
    '[ingress.%s kill] at %s, it has promised nothing that it does not hold',
    slow,
    async (_, point, isSpooled, isQueued) => {
      await withPlatform(server, async (platform, client) => {
        const ingress = await platform.start(['--crash-at', point]);
        const { reply } = await send(client);

        expect(await ingress.exited).toMatchObject({ signal: 'SIGKILL' });
        expect(await reply).toBe(point === 'ingress.250-written' ? '250' : 'none');
        expect(await spooled(platform)).toHaveLength(isSpooled ? 1 : 0);
        expect(await readIncoming(platform)).toHaveLength(isQueued ? 1 : 0);
      });
    },
  );

  it(
    '[ingress.publish-sent kill] with the publish on its way, the spool has the message and nothing was promised',
    slow,
    async () => {
      await withOwnServer(async (own, platform, client) => {
        const ingress = await platform.start(['--stop-at', 'ingress.put-before-publish']);
        const { reply } = await send(client);
        await untilStopped(ingress.pid);
        own.pause();
        resumeProcess(ingress.pid);
        // Long enough for the publish to be on its way, and well before the deadline at which 250 is said without its answer.
        await sleep(1500);
        await ingress.kill();
        own.resume();

        expect(await reply).toBe('none');
        expect(await spooled(platform)).toHaveLength(1);
        expect((await readIncoming(platform)).length).toBeLessThanOrEqual(1);
      });
    },
  );
});

it(
  '[ingress.publish-sent unanswered] the answer of NATS is lost: 250 at the deadline, and one record in INCOMING',
  slow,
  async () => {
    await withOwnServer(async (own, platform, client) => {
      const ingress = await platform.start(['--stop-at', 'ingress.put-before-publish']);
      const { reply } = await send(client);
      await untilStopped(ingress.pid);
      own.pause();
      resumeProcess(ingress.pid);

      expect(await reply).toBe('250');
      own.resume();
      await until(async () => (await readIncoming(platform)).length > 0);
      await ingress.stop();
      expect(await readIncoming(platform)).toHaveLength(1);
      expect(await spooled(platform)).toHaveLength(1);
    });
  },
);

describe('NATS wiped meanwhile', () => {
  it.each([
    ['put-before-publish', 'ingress.put-before-publish', 1],
    // INCOMING had it; recovery brings it back from the spool.
    ['published-before-250', 'ingress.published-before-250', 0],
    ['250-written', 'ingress.250-written', 0],
  ])(
    '[ingress.%s wipe] at %s: 250, the spool has the message, and the next one is accepted',
    slow,
    async (_, point, queued) => {
      await withOwnServer(async (own, platform, client) => {
        const ingress = await platform.start(['--stop-at', point]);
        const { reply } = await send(client);
        await untilStopped(ingress.pid);
        await own.wipe();
        await createGeneration(platform.store, 2);
        await untilDone(() => platform.renew(2));
        resumeProcess(ingress.pid);

        expect(await reply).toBe('250');
        await until(async () => (await readIncoming(platform)).length === queued);
        expect(await spooled(platform)).toHaveLength(1);
        await untilAccepted(client);
        expect(await readIncoming(platform)).toHaveLength(queued + 1);
      });
    },
  );
});

describe.concurrent('a PUT of which nobody knows', () => {
  let storage: S3Server;
  beforeAll(async () => {
    storage = await startS3Server();
  });
  afterAll(() => storage.stop());

  it(
    '[ingress.put-sent retry] its answer is lost: the retry is answered 412, the object is ours, 250',
    slow,
    async () => {
      await withProxy(storage, 'drop', async ({ platform, client }) => {
        const { reply } = await send(client);

        expect(await reply).toBe('250');
        expect(await spooled(platform)).toHaveLength(1);
        expect(await readIncoming(platform)).toHaveLength(1);
      });
    },
  );

  it('[ingress.put-sent late] it comes after the void object: 451, and it never appears', slow, async () => {
    await withProxy(storage, 'hold', async ({ platform, client, proxy }) => {
      const { reply } = await send(client);

      expect(await reply).toBe('451');
      expect(await proxy.release()).toBe(412);
      expect(await spooled(platform)).toEqual([]);
      expect(await readIncoming(platform)).toEqual([]);
    });
  });

  it(
    '[ingress.put-sent void] it comes just before the void object: the void is refused, 250',
    slow,
    async () => {
      await withProxy(storage, 'race', async ({ platform, client }) => {
        const { reply } = await send(client);

        expect(await reply).toBe('250');
        expect(await spooled(platform)).toHaveLength(1);
        expect(await readIncoming(platform)).toHaveLength(1);
      });
    },
  );
});

/** Sends one message up to its final dot; `reply` is the code of the answer, or `none`. */
async function send(client: TestClient): Promise<{ readonly reply: Promise<string> }> {
  const script = await client.connectMx({ replyMs: 60_000 });
  await beginMessage(script);
  await script.ask('DATA');
  script.write(`${content}.\r\n`);
  const reply = script.reply().then(
    ({ text }) => text.slice(0, 3),
    () => 'none',
  );
  return { reply };
}

/** Sends messages until one is accepted: after a wipe the health check needs a moment. */
async function untilAccepted(client: TestClient): Promise<void> {
  await until(async () => (await sendData(await client.connectMx(), content)).startsWith('250 '), 60_000);
}

/** Envelopes of all records in the spool. */
async function spooled(platform: TestPlatform): Promise<unknown[]> {
  const envelopes: unknown[] = [];
  for await (const { key, bytes } of platform.store.list('segment/')) {
    if (bytes === 0) continue;
    const { records } = await readSegment(platform.store, key);
    envelopes.push(...records.map(({ envelope }) => envelope));
  }
  return envelopes;
}

async function withPlatform(
  nats: NatsServer,
  work: (platform: TestPlatform, client: TestClient) => Promise<void>,
  spool?: string,
): Promise<void> {
  const platform = await openPlatform(nats, {}, [], spool);
  const client = new TestClient(platform);
  try {
    await work(platform, client);
  } finally {
    client.close();
    await platform.close();
  }
}

async function withOwnServer(
  work: (own: NatsServer, platform: TestPlatform, client: TestClient) => Promise<void>,
): Promise<void> {
  const own = await startNatsServer();
  try {
    await withPlatform(own, (platform, client) => work(own, platform, client));
  } finally {
    await own.stop();
  }
}

interface ProxiedPlatform {
  readonly platform: TestPlatform;
  readonly client: TestClient;
  readonly proxy: PutProxy;
}

async function withProxy(
  storage: S3Server,
  fault: PutFault,
  work: (proxied: ProxiedPlatform) => Promise<void>,
): Promise<void> {
  const proxy = await startPutProxy(storage.endpoint, fault);
  const direct = await storage.location(`fault-${fault}`);
  try {
    await withPlatform(
      server,
      async (platform, client) => {
        const spool = direct.replace(storage.endpoint, proxy.endpoint);
        await platform.start(['--spool', spool]);
        await work({ platform, client, proxy });
      },
      direct,
    );
  } finally {
    await proxy.stop();
  }
}
