/**
 * delivery-smtp killed at each of its crash points and asked again, as an owner does with a silent agent's job: the mail is never lost,
 * and doubled only in the window between the remote's 250 and the outcome. Rule 9: an agent that NATS has left alone sends no dot.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type NatsServer,
  type SmtpSink,
  type SmtpSinkOptions,
  startNatsServer,
  startSmtpSink,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Platform, hostHop, jobFor, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\n\r\nbody\r\n');

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
  { point: 'smtp.accepted', copies: [1] },
  { point: 'smtp.before-dot', copies: [1] },
  // Whether the octets reached the wire before the process died is the peer's to know.
  { point: 'smtp.dot-sent', copies: [1, 2] },
  { point: 'smtp.250-read', copies: [2] },
])('killed at $point', ({ point, copies }) => {
  it(`the next agent delivers; copies in all: ${copies.join(' or ')}`, async () => {
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

it('killed after the outcome was sent and before it was acknowledged: the owner has heard it', async () => {
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
