/** Cleanup as a process against a real nats-server and a directory spool: records in, jobs out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { shardOf } from '@railpost/contracts';
import { EventLog, createRegistry, systemClock } from '@railpost/runtime';
import { openSegmentReader } from '@railpost/spool';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { RecordHandler } from '../src/consume.ts';
import { createMetrics } from '../src/metrics.ts';
import { StallGuard } from '../src/stall-guard.ts';
import {
  type CleanupProcess,
  type TestPlatform,
  accept,
  ackWaitMs,
  openPlatform,
  publishIncoming,
  readCorrupt,
  readJobs,
  shards,
  startCleanup,
  until,
  untilDrained,
} from './harness.ts';

let server: NatsServer;
let platform: TestPlatform;
const running: CleanupProcess[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  platform = await openPlatform(server);
});
afterEach(async () => {
  for (const each of running.splice(0)) {
    each.child.kill('SIGKILL');
    await each.exited;
  }
  await platform.close();
});

function start(flags: readonly string[] = []): CleanupProcess {
  const started = startCleanup(platform, flags);
  running.push(started);
  return started;
}

/** `destination finals` of the jobs, sorted. */
async function jobsInShort(): Promise<string[]> {
  const jobs = await readJobs(platform);
  return jobs.map((job) => `${job.destination} ${job.recipients.map((each) => each.final).join(' ')}`).sort();
}

const teamJobs = [
  'mailbox:example.test alice@example.test bob@example.test',
  'smtp:[127.0.0.1]:2526 carol@partner.test',
  'smtp:outside.test dave@outside.test',
];

test('an accepted message becomes one job per next hop', async () => {
  const cleanup = start();

  const { queueId } = await accept(platform, { recipients: ['team@example.test'] });
  await untilDrained(platform);

  expect(await jobsInShort()).toEqual(teamJobs);
  expect(
    (await readJobs(platform)).every((job) => job.queueId === queueId && job.recipients[0]?.n === 4),
  ).toBe(true);
  const line = cleanup.lines.find((each) => each.includes('"cleaned"'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ queueId, messageId: '<1@test>', jobs: 3, recipients: 4 });
});

test('finished records leave INCOMING', async () => {
  start();

  await accept(platform, { recipients: ['alice@example.test'] });

  const stateOf = async () =>
    (await platform.bus.manager.streams.info(platform.bus.names.incomingStream)).state;
  await until(async () => (await stateOf()).messages === 0);
  expect((await stateOf()).last_seq).toBe(2 ** 40);
});

test('with --log-format=postfix the message-id line is the one that log readers know', async () => {
  const cleanup = start(['--log-format', 'postfix']);

  const { queueId } = await accept(platform, { recipients: ['alice@example.test'] });
  await until(() => cleanup.lines.some((line) => line.includes('message-id')));

  const line = cleanup.lines.find((each) => each.includes('message-id'));
  expect(line).toMatch(
    new RegExp(`postfix/cleanup\\[${cleanup.child.pid}\\]: ${queueId}: message-id=<1@test>$`),
  );
});

test('a submission is completed by edits, the spool stays as it was', async () => {
  start();

  const client = { role: 'Submission', login: 'alice@example.test' } as const;
  await accept(platform, {
    recipients: ['carol@partner.test'],
    content: 'To: joe\r\nBcc: x\r\n\r\nbody',
    client,
  });
  await untilDrained(platform);

  const [job] = await readJobs(platform);
  expect(job?.edits).toMatchObject([
    { at: 7, remove: 0, insert: '@mail.example.test' },
    { at: 9, remove: 8, insert: '' },
    { at: 17, remove: 0 },
  ]);
});

test('a header section that the bus cannot carry is read from the spool', async () => {
  start();

  const content = `X-Long: ${'x'.repeat(600_000)}\r\nMessage-ID: <far@test>\r\n\r\nbody`;
  const { payload } = await accept(platform, { recipients: ['alice@example.test'], content });
  await untilDrained(platform);

  expect(payload.length).toBeLessThan(10_000);
  expect(await readJobs(platform)).toMatchObject([{ messageId: '<far@test>' }]);
});

test('a record that comes twice makes no second job', async () => {
  start();
  const { queueId, payload } = await accept(platform, { recipients: ['team@example.test'] });
  await untilDrained(platform);

  await publishIncoming(platform, queueId, payload, `${queueId}/again`);
  await untilDrained(platform);

  expect(await jobsInShort()).toEqual(teamJobs);
});

test('a job that its owner has settled meanwhile is written once more: only the owner knows that it is done', async () => {
  start();
  const { queueId, payload } = await accept(platform, { recipients: ['team@example.test'] });
  await untilDrained(platform);
  for (let shard = 0; shard < shards; shard += 1) {
    await platform.bus.manager.streams.purge(platform.bus.names.activeStream(shard));
  }

  await publishIncoming(platform, queueId, payload, `${queueId}/again`);
  await untilDrained(platform);

  expect(await jobsInShort()).toEqual(teamJobs);
});

test('what cannot be decoded goes to CORRUPT with an alert and does not come again', async () => {
  const cleanup = start();

  await publishIncoming(platform, 'BROKEN', Buffer.from('no record'), 'broken');
  await untilDrained(platform);

  expect(await readCorrupt(platform)).toMatchObject([
    { service: 'cleanup', queueId: 'BROKEN', payload: Buffer.from('no record').toString('base64') },
  ]);
  expect(
    cleanup.lines.some((line) => line.includes('"level":"error"') && line.includes('record-corrupt')),
  ).toBe(true);
});

test('a record whose header is in the spool but gone from there is for a human', async () => {
  const content = `X-Long: ${'x'.repeat(600_000)}\r\n\r\nbody`;
  await accept(platform, { recipients: ['alice@example.test'], content });
  for await (const { key } of platform.store.list(''))
    if (!key.startsWith('generation/')) await platform.store.remove(key);

  start();
  await untilDrained(platform);

  expect(await readJobs(platform)).toEqual([]);
  expect(await readCorrupt(platform)).toMatchObject([{ reason: expect.stringContaining('content-gone') }]);
});

test('two processes share the records, none is lost or doubled', async () => {
  const processes = [start(), start()];
  await Promise.all(processes.map((each) => each.ready));

  const accepted = await Promise.all(
    Array.from({ length: 150 }, () => accept(platform, { recipients: ['alice@example.test'] })),
  );
  await untilDrained(platform);

  const queueIds = (await readJobs(platform)).map((job) => job.queueId);
  expect(queueIds.sort()).toEqual(accepted.map((each) => each.queueId).sort());
});

test('a process that stood still longer than ack_wait makes no second job', async () => {
  const stopped = start();
  await stopped.ready;
  await sleep(500);
  stopped.child.kill('SIGSTOP');
  await accept(platform, { recipients: ['team@example.test'] });
  start();
  await untilDrained(platform);

  await sleep(ackWaitMs);
  stopped.child.kill('SIGCONT');
  await sleep(1000);
  await untilDrained(platform);

  expect(await jobsInShort()).toEqual(teamJobs);
});

test('SIGTERM ends it with exit code 0', async () => {
  const cleanup = start();
  await cleanup.ready;

  expect(await cleanup.stop()).toBe(0);
});

test('a full ACTIVE postpones a record, and it becomes jobs when there is room again', async () => {
  const stream = platform.bus.names.activeStream(shardOf('mailbox:example.test', shards));
  const { config } = await platform.bus.manager.streams.info(stream);
  await platform.bus.manager.streams.update(stream, { ...config, max_bytes: 1 });
  const cleanup = start();

  await accept(platform, { recipients: ['alice@example.test'] });
  await until(() => cleanup.lines.some((line) => line.includes('STREAM_FULL')));
  await platform.bus.manager.streams.update(stream, config);
  await untilDrained(platform);

  expect(await jobsInShort()).toEqual(['mailbox:example.test alice@example.test']);
});

test('a record that fails five times by an exception of ours goes to CORRUPT, and only then', async () => {
  const { payload } = await accept(platform, { recipients: ['alice@example.test'] });
  const naks: number[] = [];
  let acks = 0;
  const message = {
    subject: platform.bus.names.incomingSubject('Q1'),
    data: payload,
    sequence: 7,
    deliveryCount: 1,
    storedAtMs: 0,
    ack: () => (acks += 1),
    nak: (delayMs = 0) => naks.push(delayMs),
    working: () => undefined,
    forget: () => undefined,
  };
  const handler = brokenHandler();

  for (let delivery = 0; delivery < 4; delivery += 1) await handler.handle(message);
  expect([acks, naks]).toEqual([0, [1000, 2000, 4000, 8000]]);
  await handler.handle(message);

  expect([acks, naks.length]).toEqual([1, 4]);
  expect(await readCorrupt(platform)).toMatchObject([{ reason: 'failed-often: Error: a bug of ours' }]);
});

test('the records of a bundle fail each for itself', async () => {
  const { payload } = await accept(platform, { recipients: ['alice@example.test'] });
  let acks = 0;
  let naks = 0;
  const handler = brokenHandler();

  for (let index = 0; index < 20; index += 1)
    await handler.handle({
      subject: platform.bus.names.incomingSubject(`Q${index}`),
      data: payload,
      sequence: 7,
      deliveryCount: 1,
      storedAtMs: 0,
      ack: () => (acks += 1),
      nak: () => (naks += 1),
      working: () => undefined,
      forget: () => undefined,
    });

  expect([acks, naks]).toEqual([0, 20]);
  expect(await readCorrupt(platform)).toEqual([]);
});

/** A handler whose configuration has a bug. */
function brokenHandler(): RecordHandler {
  const configuration = {
    current() {
      throw new Error('a bug of ours');
    },
    onChange: () => () => undefined,
    unseal: () => undefined,
  };
  const log = new EventLog({
    service: 'cleanup',
    processName: 'test',
    format: 'json',
    level: 'error',
    write: () => undefined,
  });
  return new RecordHandler({
    context: { bus: platform.bus, log, configuration, clock: systemClock, crashPoint: () => undefined },
    reader: openSegmentReader(platform.store),
    writer: { write: () => Promise.resolve() },
    metrics: createMetrics(createRegistry('cleanup', 'test')),
    guard: new StallGuard(systemClock, 15_000),
  });
}
