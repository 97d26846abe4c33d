/**
 * delivery-smtp at each of its crash points: killed and asked again, as an owner does with a silent agent's job; stopped while the owner
 * changes; with NATS wiped meanwhile. The mail is never lost, and doubled only by a death in the window between the remote's 250 and the outcome. Rule 9: an agent that NATS has left alone sends no dot.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type NatsServer,
  type SmtpSink,
  type SmtpSinkOptions,
  resumeProcess,
  startNatsServer,
  startSmtpSink,
  untilDone,
  untilStopped,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Platform, hostHop, jobFor, preparePlatform } from './platform.ts';

/** After so much silence an agent commits nothing that it had in hand (rule 9). */
const silenceLimitMs = 10_500;
const patience = { timeout: 30_000 };

const message = Buffer.from('Subject: hello\r\n\r\nbody\r\n');

// A machine that runs all tests at once starts processes slowly.
vi.setConfig({ testTimeout: 240_000 });

let server: NatsServer;
let platform: Platform;
let sink: SmtpSink;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  platform = await preparePlatform(server);
  await platform.configure();
});
afterEach(async () => {
  await platform.close();
  await sink.stop();
});

async function startSink(options: SmtpSinkOptions = {}): Promise<void> {
  sink = await startSmtpSink(options);
}

describe.each([
  { row: 'accepted', point: 'smtp.accepted', copies: [1] },
  { row: 'before-dot', point: 'smtp.before-dot', copies: [1] },
  // Whether the octets reached the wire before the process died is the peer's to know.
  { row: 'dot-sent', point: 'smtp.dot-sent', copies: [1, 2] },
  { row: '250-read', point: 'smtp.250-read', copies: [2] },
])('killed at $point', ({ row, point, copies }) => {
  it(`[worker.${row} kill] the next agent delivers; copies in all: ${copies.join(' or ')}`, async () => {
    await startSink();
    const job = jobFor(await platform.spool(message), hostHop(sink.port));
    const first = await platform.start('--crash-at', point);
    // The agent may die before it answers: then it is as silent as one that answered and died.
    await platform.owner.dispatch('smtp', [job]).catch(() => undefined);
    expect(await first.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(platform.owner.outcomes).toEqual([]);

    await platform.start();
    await platform.owner.dispatch('smtp', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(copies).toContain(sink.messages.length);
  });
});

it('[worker.outcome-sent kill] killed before the outcome was acknowledged: the owner has heard it', async () => {
  await startSink();
  const job = jobFor(await platform.spool(message), hostHop(sink.port));
  platform.owner.isAcknowledging = false;
  const service = await platform.start();
  await platform.owner.dispatch('smtp', [job]);

  const outcome = await platform.owner.outcomeOf(job.job.jobId);
  await service.kill();

  expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
  expect(sink.messages).toHaveLength(1);
});

describe('stopped, and the owner changed meanwhile', () => {
  it.each([
    ['accepted', 'smtp.accepted'],
    ['before-dot', 'smtp.before-dot'],
  ])('[worker.%s stop] at %s: another delivers, and the one that wakes up sends no dot', async (_, point) => {
    await startSink();
    const job = jobFor(await platform.spool(message), hostHop(sink.port));
    const sleeper = await platform.start('--stop-at', point);
    await platform.owner.dispatch('smtp', [job]).catch(() => undefined);
    await untilStopped(sleeper.pid);
    platform.owner.epoch += 1;
    await platform.start();
    // The server of requests may choose the one that stands still, as it may in life.
    const wasTaken = async () => (await platform.owner.dispatch('smtp', [job])).accepted.length === 1;
    await expect.poll(() => wasTaken().catch(() => false), patience).toBe(true);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);
    await sleep(silenceLimitMs);
    resumeProcess(sleeper.pid);
    const late = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(late.recipients).toMatchObject([{ disposition: 'deferred' }]);
    expect(sink.messages).toHaveLength(1);
  });

  it.each([
    ['dot-sent', 'smtp.dot-sent'],
    ['250-read', 'smtp.250-read'],
  ])('[worker.%s stop] at %s: the next owner hears that it delivered', async (_, point) => {
    await startSink();
    const job = jobFor(await platform.spool(message), hostHop(sink.port));
    const sleeper = await platform.start('--stop-at', point);
    await platform.owner.dispatch('smtp', [job]);
    await untilStopped(sleeper.pid);
    platform.owner.epoch += 1;
    await sleep(silenceLimitMs);
    resumeProcess(sleeper.pid);

    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(sink.messages).toHaveLength(1);
  });

  it('[worker.outcome-sent stop] before the outcome was acknowledged: it repeats it to the next owner', async () => {
    await startSink();
    const job = jobFor(await platform.spool(message), hostHop(sink.port));
    platform.owner.isAcknowledging = false;
    const service = await platform.start();
    await platform.owner.dispatch('smtp', [job]);
    await platform.owner.outcomeOf(job.job.jobId);
    process.kill(service.pid, 'SIGSTOP');
    await untilStopped(service.pid);
    platform.owner.epoch += 1;
    platform.owner.isAcknowledging = true;
    resumeProcess(service.pid);

    const repeated = await platform.owner.outcomeOf(job.job.jobId);

    expect(repeated.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(sink.messages).toHaveLength(1);
  });
});

it.each([
  ['accepted', 'smtp.accepted'],
  ['before-dot', 'smtp.before-dot'],
  ['dot-sent', 'smtp.dot-sent'],
  ['250-read', 'smtp.250-read'],
  ['outcome-sent', undefined],
])('[worker.%s wipe] at %s, NATS wiped meanwhile: it delivers once and says so', async (_, point) => {
  const ownServer = await startNatsServer();
  const own = await preparePlatform(ownServer);
  try {
    await own.configure();
    await startSink();
    const job = jobFor(await own.spool(message), hostHop(sink.port));
    own.owner.isAcknowledging = false;
    const service = await own.start(...(point === undefined ? [] : ['--stop-at', point]));
    await own.owner.dispatch('smtp', [job]).catch(() => undefined);
    if (point === undefined) await own.owner.outcomeOf(job.job.jobId);
    else await untilStopped(service.pid);
    await ownServer.wipe();
    await untilDone(() => own.makeStreams(2));
    await untilDone(() => own.configure());
    own.owner.epoch += 1;
    own.owner.isAcknowledging = true;
    if (point !== undefined) resumeProcess(service.pid);

    const outcome = await own.owner.outcomeOf(job.job.jobId, 60_000);

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(sink.messages).toHaveLength(1);
  } finally {
    await own.close();
    await ownServer.stop();
  }
});

it('sends no dot when NATS has been silent for more than 10 s, and defers the job', async () => {
  const ownServer = await startNatsServer();
  const own = await preparePlatform(ownServer);
  try {
    await own.configure();
    await own.start();
    await startSink({ script: ({ verb }) => (verb === 'DATA' ? { delayMs: 12_000 } : undefined) });
    const job = jobFor(await own.spool(message), hostHop(sink.port));
    await own.owner.dispatch('smtp', [job]);
    await expect.poll(() => sink.commands.some((line) => line.endsWith('DATA'))).toBe(true);
    ownServer.pause();
    await sleep(13_000);
    ownServer.resume();

    const outcome = await own.owner.outcomeOf(job.job.jobId, 30_000);

    expect(outcome.recipients).toMatchObject([{ disposition: 'deferred', status: { code: '4.3.0' } }]);
    expect(sink.messages).toEqual([]);
  } finally {
    await own.close();
    await ownServer.stop();
  }
});

it('finishes what is in hand when it is told to stop', async () => {
  await startSink({ script: ({ verb }) => (verb === 'DOT' ? { delayMs: 500 } : undefined) });
  const service = await platform.start();
  const job = jobFor(await platform.spool(message), hostHop(sink.port));
  await platform.owner.dispatch('smtp', [job]);
  await expect.poll(() => sink.commands.length).toBeGreaterThan(0);

  const exit = await service.stop();

  expect(exit.code).toBe(0);
  expect((await platform.owner.outcomeOf(job.job.jobId)).recipients).toMatchObject([
    { disposition: 'delivered' },
  ]);
});
