/**
 * The keeper dies, stands still while another does its work, or meets a new generation, at every point of a round (durability.md,
 * "Crash points", keeper). Each row runs the same spool: a segment with one survivor, one that is complete, one with messages half done, one
 * that nobody has touched. Then what is wanted can be read where its records say, nothing else is left, and the journal knows
 * what it must still know.
 */
import { randomBytes } from 'node:crypto';
import {
  type ObjectStore,
  createGeneration,
  markRecovered,
  openSegmentReader,
  segmentPrefix,
} from '@railpost/spool';
import {
  type NatsServer,
  type S3Server,
  resumeProcess,
  startNatsServer,
  startS3Server,
  untilStopped,
} from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestMessage, entryOf, journal, journalled, keysOf, spool, until } from './given.ts';
import { type TestPlatform, openPlatform } from './platform.ts';

/** Names in the document, and where they are in the code. */
const points = {
  'survivors-put-sent': 'spool.put-applied',
  'survivors-before-delete': 'keeper.copied',
  'delete-sent': 'keeper.removed',
  'deleted-before-compaction': 'keeper.before-compaction',
  'compacted-before-removal': 'keeper.compacted',
} as const;
const names = Object.keys(points) as (keyof typeof points)[]; // its own keys

let server: NatsServer;
let bucketServer: S3Server;

beforeAll(async () => {
  [server, bucketServer] = await Promise.all([startNatsServer(), startS3Server()]);
});
afterAll(() => Promise.all([server.stop(), bucketServer.stop()]));

const old = { ageMs: 60_000 };

interface Mail {
  /** Survivor of a segment that is otherwise complete. */
  readonly survivor: TestMessage;
  readonly survivorKey: string;
  /** Not complete either, in segments that stay as they are. */
  readonly open: readonly TestMessage[];
  /** What the journal must know as long as the message is in the spool. */
  readonly halfDone: readonly TestMessage[];
}

async function fill(store: ObjectStore): Promise<Mail> {
  const mixed = await spool(store, 4, old);
  const done = await spool(store, 3, old);
  const recipients = [{ address: 'r0@partner.test' }, { address: 'r1@partner.test' }];
  const halfDone = await spool(store, 2, { ...old, envelope: { recipients } });
  const untouched = await spool(store, 2, old);
  const entries = [...mixed.slice(0, 3), ...done, ...halfDone].map((each) => entryOf(each));
  await journal(store, entries, old);
  const [survivor] = mixed.slice(3);
  if (survivor === undefined) throw new Error('nothing spooled');
  return { survivor, survivorKey: survivor.body.key, open: [...halfDone, ...untouched], halfDone };
}

/** Waits for the spool to come to rest as it must, then looks at every message. */
async function settles(store: ObjectStore, mail: Mail, isSurvivorDone = false): Promise<void> {
  const expected = new Set(mail.open.map(({ body }) => body.key));
  if (!isSurvivorDone) expected.add(`${mail.survivorKey}~1`);
  const halfDone = mail.halfDone.map((each) => entryOf(each));
  await until(async () => (await keysOf(store, segmentPrefix)).join() === [...expected].sort().join());
  // Entries of what is gone go two seconds later.
  const isCompact = async () => (await journalled(store)).length === halfDone.length;
  await until(isCompact);
  expect(await journalled(store)).toEqual(halfDone);
  const reader = openSegmentReader(store);
  for (const message of isSurvivorDone ? mail.open : [mail.survivor, ...mail.open]) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await reader.read(message.body)).chunks()) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(message.content);
  }
}

async function open(
  backend: string,
  onTestFinished: (close: () => Promise<void>) => void,
): Promise<TestPlatform> {
  const location =
    backend === 'S3' ? await bucketServer.location(`keeper-${randomBytes(4).toString('hex')}`) : undefined;
  const platform = await openPlatform(server, location);
  onTestFinished(() => platform.close());
  return platform;
}

const inDirectory = (name: keyof typeof points) => ({ name, backend: 'directory' });
/** Both stores, since the order of effects is what a store makes of it. */
const rows = names.flatMap((name) => ['directory', 'S3'].map((backend) => ({ name, backend })));

describe('the keeper', () => {
  it.concurrent.for(rows)(
    'dies and another goes on, on $backend [keeper.$name kill]',
    { timeout: 300_000 },
    async ({ name, backend }, { onTestFinished }) => {
      const platform = await open(backend, onTestFinished);
      const mail = await fill(platform.store);
      const doomed = await platform.startKeeper(['--crash-at', points[name]], false);
      expect(await doomed.exited).toMatchObject({ signal: 'SIGKILL' });

      await platform.startKeeper();

      await settles(platform.store, mail);
    },
  );

  it.concurrent.for(names.map(inDirectory))(
    'sleeps while another does its work, then wakes up, on $backend [keeper.$name two]',
    { timeout: 300_000 },
    async ({ name, backend }, { onTestFinished }) => {
      const platform = await open(backend, onTestFinished);
      const mail = await fill(platform.store);
      const sleeper = await platform.startKeeper(['--stop-at', points[name]], false);
      await untilStopped(sleeper.pid);
      await platform.startKeeper();
      await settles(platform.store, mail);
      // What the sleeper saw is no longer so: the last message of the segment that it is at is complete.
      await journal(platform.store, [entryOf(mail.survivor)], { owner: { epoch: 2 } });
      await until(
        async () => !(await keysOf(platform.store, segmentPrefix)).includes(`${mail.survivorKey}~1`),
      );

      resumeProcess(sleeper.pid);

      await sleeper.waitForEvent('keeper-passive', 60_000);
      await settles(platform.store, mail, true);
      expect((await sleeper.stop()).code).toBe(0);
    },
  );

  it.concurrent.for([inDirectory('survivors-put-sent'), inDirectory('survivors-before-delete')])(
    'removes nothing once there is a new generation, on $backend [keeper.$name generation]',
    { timeout: 300_000 },
    async ({ name, backend }, { onTestFinished }) => {
      const platform = await open(backend, onTestFinished);
      const mail = await fill(platform.store);
      const before = await keysOf(platform.store, segmentPrefix);
      const keeper = await platform.startKeeper(['--stop-at', points[name]], false);
      await untilStopped(keeper.pid);
      await createGeneration(platform.store, 2);

      resumeProcess(keeper.pid);

      await keeper.waitForEvent('garbage-waits', 60_000);
      const removedBefore = keeper.events.slice(
        0,
        keeper.events.findIndex(({ event }) => event === 'garbage-waits'),
      );
      expect(removedBefore.map(({ event }) => event)).not.toContain('garbage-removed');
      expect(before).not.toContain(`${mail.survivorKey}~1`);
      await markRecovered(platform.store, 2);
      await settles(platform.store, mail);
    },
  );
});
