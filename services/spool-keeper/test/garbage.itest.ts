/** Garbage collection on real stores, in a directory and in a bucket: what goes, what stays, what moves, and what a reader finds. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLog } from '@railpost/runtime';
import {
  type ObjectStore,
  createGeneration,
  markRecovered,
  openObjectStore,
  openSegmentReader,
  readSegment,
  segmentPrefix,
} from '@railpost/spool';
import { type S3Server, startS3Server } from '@railpost/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clearSegments } from '../src/garbage/effects.ts';
import { SpoolIndex } from '../src/garbage/spool-index.ts';
import { type TestMessage, entryOf, journal, keysOf, queueIdAt, runGarbage, spool, until } from './given.ts';

let server: S3Server;
let folder: string;

beforeAll(async () => {
  server = await startS3Server();
  folder = await mkdtemp(join(tmpdir(), 'railpost-garbage-'));
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const implementations = [
  { name: 'directory', locate: async () => `dir:${folder}/${randomBytes(4).toString('hex')}` },
  { name: 'S3', locate: async () => server.location(`garbage-${randomBytes(4).toString('hex')}`) },
];

const old = { ageMs: 60_000 };

async function contentOf(store: ObjectStore, message: TestMessage): Promise<Buffer> {
  const content = await openSegmentReader(store).read(message.body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function keyOf(messages: readonly TestMessage[]): string {
  return messages[0]?.body.key ?? '';
}

describe.each(implementations)('garbage on $name', ({ locate }) => {
  let store: ObjectStore;
  beforeEach(async () => {
    store = await openObjectStore(await locate());
    await createGeneration(store, 1);
  });

  it('goes when the journal says that all of a segment is complete, and nothing else goes', async ({
    onTestFinished,
  }) => {
    const done = await spool(store, 3, old);
    const open = await spool(store, 3, old);
    await journal(
      store,
      [...done, ...open.slice(0, 1)].map((each) => entryOf(each)),
      old,
    );

    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    await until(async () => (await keysOf(store, segmentPrefix)).length === 1);
    await task.settled();

    expect(await keysOf(store, segmentPrefix)).toEqual([keyOf(open)]);
  });

  it('sees what is written while it runs', async ({ onTestFinished }) => {
    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    await task.settled();
    const first = await spool(store, 2);
    await journal(
      store,
      first.map((each) => entryOf(each)),
    );
    const second = await spool(store, 2);

    await until(async () => !(await keysOf(store, segmentPrefix)).includes(keyOf(first)));
    expect(await keysOf(store, segmentPrefix)).toEqual([keyOf(second)]);
    await journal(
      store,
      second.map((each) => entryOf(each, { kind: 'bounced' })),
    );

    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);
  });

  it('leaves survivors behind where readers find them, again and again', async ({ onTestFinished }) => {
    const messages = await spool(store, 8, old);
    const key = keyOf(messages);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());

    await journal(
      store,
      messages.slice(0, 5).map((each) => entryOf(each)),
      old,
    );
    await until(async () => (await keysOf(store, segmentPrefix)).join() === `${key}~1`);
    for (const each of messages.slice(5)) expect(await contentOf(store, each)).toEqual(each.content);
    const { records } = await readSegment(store, `${key}~1`);
    expect(records.map(({ envelope }) => envelope)).toEqual(
      messages.slice(5).map(({ envelope }) => envelope),
    );

    await journal(
      store,
      messages.slice(5, 7).map((each) => entryOf(each)),
    );
    await until(async () => (await keysOf(store, segmentPrefix)).join() === `${key}~2`);
    const [last] = messages.slice(7);
    expect(last && (await contentOf(store, last))).toEqual(last?.content);
    const [gone] = messages;
    await expect(gone && contentOf(store, gone)).rejects.toMatchObject({ code: 'BODY_GONE' });

    await journal(
      store,
      messages.slice(7).map((each) => entryOf(each)),
    );
    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);
  });

  it('goes on from a copy that stands beside its segment', async ({ onTestFinished }) => {
    const messages = await spool(store, 4, old);
    const key = keyOf(messages);
    await journal(
      store,
      messages.slice(0, 3).map((each) => entryOf(each)),
      old,
    );
    const doomed = runGarbage(store, {}, (name) => {
      if (name === 'keeper.copied') throw new Error('died');
    });
    expect(await doomed.ended).toEqual(new Error('died'));
    expect(await keysOf(store, segmentPrefix)).toEqual([key, `${key}~1`]);

    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    await until(async () => (await keysOf(store, segmentPrefix)).join() === `${key}~1`);

    const [survivor] = messages.slice(3);
    expect(survivor && (await contentOf(store, survivor))).toEqual(survivor?.content);
  });

  it('is never removed while something in it is wanted, whatever was decided', async () => {
    const [message] = await spool(store, 1, old);
    if (message === undefined) throw new Error('nothing spooled');
    const { key } = message.body;
    const index = new SpoolIndex();
    const facts = { key, bytes: await store.size(key), timeMs: 0, state: 'readable' as const };
    index.add(facts, [{ queueId: message.queueId, bytes: message.body.bytes, originals: 1 }]);
    const context = { store, log: silentLog(), crashPoint: () => undefined };

    const removal = clearSegments(
      { context, index, pauseMs: 0 },
      { copies: [], garbage: [...index.segments()] },
      1,
      new AbortController().signal,
    );

    await expect(removal).rejects.toThrow('was about to be removed');
    expect(await keysOf(store, segmentPrefix)).toEqual([key]);
  });

  it('lets readers read while survivors move', async ({ onTestFinished }) => {
    const messages = await spool(store, 16, old);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    let open = messages;
    let reads = 0;

    for (const [left, name] of [
      [4, '~1'],
      [1, '~2'],
    ] as const) {
      await journal(
        store,
        open.slice(left).map((each) => entryOf(each)),
      );
      open = open.slice(0, left);
      for (let isMoving = true; isMoving; reads += 1) {
        isMoving = (await keysOf(store, segmentPrefix)).join() !== `${keyOf(messages)}${name}`;
        for (const message of open) expect(await contentOf(store, message)).toEqual(message.content);
      }
    }

    expect(reads).toBeGreaterThan(5);
  });

  it('stands still while a generation is recovered', async ({ onTestFinished }) => {
    const done = await spool(store, 1, old);
    await journal(
      store,
      done.map((each) => entryOf(each)),
      old,
    );
    await createGeneration(store, 2);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    await until(() => task.events.some(({ event }) => event === 'garbage-waits'));
    expect(await keysOf(store, segmentPrefix)).toEqual([keyOf(done)]);

    await markRecovered(store, 2);

    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);
  });

  it('counts entries of every generation', async ({ onTestFinished }) => {
    const [message] = await spool(store, 1, { ...old, envelope: { recipients: twoRecipients() } });
    if (message === undefined) throw new Error('nothing spooled');
    await createGeneration(store, 2);
    await markRecovered(store, 2);
    await journal(store, [entryOf(message)], old);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    await task.settled();
    expect(await keysOf(store, segmentPrefix)).toHaveLength(1);

    await journal(store, [entryOf(message, { orig: 1 })], { owner: { generation: 2 } });

    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);
  });

  it('goes too when it turns up late under an old name', async ({ onTestFinished }) => {
    const queueId = queueIdAt(Date.now());
    const first = await spool(store, 1, { envelope: { queueId } });
    await journal(store, [entryOf({ queueId })]);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);

    const second = await spool(store, 1, { ageMs: 600_000, envelope: { queueId } });
    expect(keyOf(second)).not.toBe(keyOf(first));

    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);
  });

  it('keeps a report until what it settles is in the journal', async ({ onTestFinished }) => {
    const [original] = await spool(store, 1, old);
    if (original === undefined) throw new Error('nothing spooled');
    const settles = [{ queueId: original.queueId, orig: 0, final: 'r0@partner.test', run: 'r', n: 1 }];
    const [report] = await spool(store, 1, { ...old, envelope: { settles } });
    if (report === undefined) throw new Error('nothing spooled');
    await journal(store, [entryOf(report)], old);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());
    await task.settled();
    expect(await keysOf(store, segmentPrefix)).toHaveLength(2);

    await journal(store, [entryOf(original, { kind: 'bounced' })]);

    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);
  });

  it('keeps a damaged survivor where it is, says so, and lets it go when it is complete', async ({
    onTestFinished,
  }) => {
    const messages = await spool(store, 4, old);
    const key = keyOf(messages);
    const octets = Buffer.from(await store.read(key));
    const damagedAt = messages[3]?.body.offset ?? 0;
    octets[damagedAt] = (octets[damagedAt] ?? 0) ^ 1;
    await store.remove(key);
    await store.create(key, [octets]);
    await journal(
      store,
      messages.slice(0, 3).map((each) => entryOf(each)),
      old,
    );
    const task = runGarbage(store);
    onTestFinished(() => task.stop());

    await until(() => task.problems.has('keeper-damaged'));
    expect(task.events.map(({ event }) => event)).toContain('segment-damaged');
    await task.settled();
    expect(await keysOf(store, segmentPrefix)).toEqual([key]);
    await journal(
      store,
      messages.slice(3).map((each) => entryOf(each)),
    );

    await until(async () => (await keysOf(store, segmentPrefix)).length === 0);
    await until(() => !task.problems.has('keeper-damaged'));
  });

  it('keeps what it cannot read at all', async ({ onTestFinished }) => {
    const done = await spool(store, 2, old);
    const octets = Buffer.from(await store.read(keyOf(done)));
    octets[octets.length - 100] = (octets[octets.length - 100] ?? 0) ^ 1;
    await store.remove(keyOf(done));
    await store.create(keyOf(done), [octets]);
    await journal(
      store,
      done.map((each) => entryOf(each)),
      old,
    );
    await store.create(`journal/1/0/${Date.now() - 60_000}-99-1`, [Buffer.from('{"nothing": true}')]);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());

    await until(
      () => task.problems.get('keeper-damaged')?.includes('1 segments and 1 journal objects') === true,
    );
    await task.settled();

    expect(await keysOf(store, segmentPrefix)).toEqual([keyOf(done)]);
  });

  it('keeps a void for as long as the journal remembers, and no longer', async ({ onTestFinished }) => {
    const young = 'segment/2026-11-01/zzzzzzzzz0000000000000000';
    const ancient = 'segment/2020-01-01/0000000000000000000000000';
    await store.create(young, []);
    await store.create(ancient, []);
    const task = runGarbage(store);
    onTestFinished(() => task.stop());

    await until(async () => (await keysOf(store, segmentPrefix)).length === 1);

    expect(await keysOf(store, segmentPrefix)).toEqual([young]);
  });
});

function silentLog(): EventLog {
  const write = () => undefined;
  return new EventLog({
    service: 'spool-keeper',
    processName: 'test',
    format: 'json',
    level: 'error',
    write,
  });
}

function twoRecipients(): { address: string }[] {
  return [{ address: 'a@partner.test' }, { address: 'b@partner.test' }];
}
