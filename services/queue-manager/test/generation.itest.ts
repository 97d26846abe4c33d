/**
 * NATS loses what it held while queue-manager runs (durability rule 18): everything, or what came after a copy was made. Streams of a
 * new generation come by themselves, the owner starts from zero, and what the journal knew is not forgotten.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGeneration, currentGeneration, readPositions } from '@railpost/spool';
import { readStreamStates } from '@railpost/bus';
import { type ServiceProcess, resumeProcess, untilDone } from '@railpost/testkit';
import { expect, it, onTestFinished } from 'vitest';
import {
  type TestPlatform,
  configure,
  control,
  delivered,
  enqueue,
  isDrained,
  journalKinds,
  makeJob,
  makeStreams,
  readDefer,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { openOwnPlatform } from './platforms.ts';

function lossesIn(manager: ServiceProcess): number {
  return manager.events.filter(({ event }) => event === 'streams-lost').length;
}

/** Waits until all streams are of the generation and an owner answers. */
async function untilServed(platform: TestPlatform, generation: number): Promise<void> {
  await until(async () => {
    const states = await readStreamStates(platform.bus).catch(() => []);
    return states.length === 3 && states.every((each) => each.generation === generation);
  }, 30_000);
  await until(
    async () => (await control(platform, { operation: 'statistics' })).epoch >= generation * 2 ** 40,
    30_000,
  );
}

it('makes streams of the next generation when NATS comes back empty, and serves them', async () => {
  const platform = await openOwnPlatform();
  const agent = await startAgent(platform, 'smtp');
  const manager = await startManager(platform);
  const before = makeJob();
  await enqueue(platform, before);
  await until(async () => (await journalKinds(platform, before.queueId)).length === 1);

  await platform.server.wipe();
  await untilServed(platform, 2);
  await until(() =>
    configure(platform.bus).then(
      () => true,
      () => false,
    ),
  );
  const after = makeJob();
  await enqueue(platform, after, before);

  await until(async () => (await journalKinds(platform, after.queueId)).length === 1, 30_000);
  await until(() => isDrained(platform), 30_000);
  expect(await currentGeneration(platform.store)).toBe(2);
  expect(lossesIn(manager)).toBe(1);
  // The former journal says that it is done: a straggler of the lost streams is no second delivery.
  expect([before, after].map(({ jobId }) => agent.count(jobId))).toEqual([1, 1]);
}, 120_000);

it('takes streams for lost that come back as an older copy, also when nothing else was written', async () => {
  const platform = await openOwnPlatform();
  const { server } = platform;
  const agent = await startAgent(platform, 'smtp', delivered);
  const first = await startManager(platform);
  await enqueue(platform, makeJob());
  await until(() => isDrained(platform));
  await server.kill();
  const copy = await mkdtemp(join(tmpdir(), 'railpost-copy-'));
  onTestFinished(() => rm(copy, { recursive: true, force: true }));
  await cp(server.storeDir, copy, { recursive: true });
  await server.restart();
  const later = makeJob();
  await until(() =>
    enqueue(platform, later).then(
      () => true,
      () => false,
    ),
  );
  await until(async () => (await journalKinds(platform, later.queueId)).length === 1, 30_000);
  await until(() => isDrained(platform), 30_000);
  expect(Object.keys(await readPositions(platform.store, 1))).toContain(platform.bus.names.activeStream(0));
  await first.kill();

  await server.kill();
  await rm(server.storeDir, { recursive: true, force: true });
  await cp(copy, server.storeDir, { recursive: true });
  await server.restart();
  const second = await startManager(platform);

  await untilServed(platform, 2);
  expect(lossesIn(second)).toBe(1);
  expect(agent.count(later.jobId)).toBe(1);
}, 120_000);

it('does not call superfluous what a new generation brings while the term of the earlier one is not over', async () => {
  const platform = await openOwnPlatform();
  await startAgent(platform, 'smtp');
  const sleeper = await startManager(platform, ['--lease-ttl', '30s']);
  const held = makeJob({ recipients: [{ final: 'quiet@x.test', isHeld: true }] });
  await enqueue(platform, held);
  await until(async () => (await readDefer(platform, held).catch(() => undefined))?.state === 'held');

  process.kill(sleeper.pid, 'SIGSTOP');
  await platform.server.wipe();
  await createGeneration(platform.store, 2);
  await untilDone(() => makeStreams(platform.bus, 2, platform.shards));
  await untilDone(() => configure(platform.bus));
  await enqueue(platform, { ...held, attempt: 1 });
  resumeProcess(sleeper.pid);

  await untilServed(platform, 2);
  await until(async () => (await readDefer(platform, held).catch(() => undefined))?.state === 'held', 60_000);
  expect(lossesIn(sleeper)).toBe(0);
}, 120_000);

it('waits with a job that was put back while an agent has the same message in hand', async () => {
  const platform = await openOwnPlatform();
  let finish: () => void = () => undefined;
  const inHand = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const agent = await startAgent(platform, 'smtp', async (task) => {
    if (task.job.attempt === 0) await inHand;
    return delivered(task);
  });
  await startManager(platform);
  const job = makeJob({ recipients: [{ final: 'x@one.test', n: 1 }] });
  await enqueue(platform, job);
  await until(() => agent.count(job.jobId) === 1);

  await platform.server.wipe();
  await untilServed(platform, 2);
  const again = { ...job, jobId: 'f'.repeat(32), attempt: 1 };
  await enqueue(platform, again);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(agent.count(again.jobId)).toBe(0);
  finish();

  await until(async () => (await journalKinds(platform, job.queueId)).includes('delivered'), 30_000);
  await until(() => isDrained(platform), 30_000);
  expect(agent.tasks).toHaveLength(1);
}, 120_000);
