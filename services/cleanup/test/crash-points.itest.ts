/**
 * Cleanup at each of its crash points (durability.md), with what may happen before the record comes again: nothing, another configuration,
 * the end of the duplicate window, another cleanup while this one stands still, the loss of NATS. Each case has a platform of its own.
 */
import { type NatsServer, resumeProcess, startNatsServer, untilDone, untilStopped } from '@railpost/testkit';
import { createGeneration } from '@railpost/spool';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type TestPlatform,
  accept,
  acceptAgain,
  configure,
  makeStreams,
  openPlatform,
  readCorrupt,
  readJobs,
  shards,
  startCleanup,
  untilDrained,
} from './harness.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

/** Two processes start one after the other in each case, five cases run at once, and the machine may be busy besides. */
const slowMs = 300_000;
const jobsPerMessage = 3;

/** Row of the table, and the crash point with the number of times that it is passed before. */
const points = [
  ['taken', 'cleanup.taken'],
  ['taken', 'cleanup.taken:3'],
  ['decided', 'cleanup.decided'],
  ['decided', 'cleanup.decided:3'],
  ['published-some', 'cleanup.published-some:1'],
  ['published-some', 'cleanup.published-some:2'],
  ['published-some', 'cleanup.published-some:3'],
  ['published-some', 'cleanup.published-some:7'],
  ['published-before-ack', 'cleanup.published-before-ack'],
  ['acked', 'cleanup.acked'],
] as const;

/** One of each row. */
const rows = points.filter(([row], index) => points.findIndex(([other]) => other === row) === index);
/** Those at which the record will come again. */
const unacked = rows.filter(([row]) => row !== 'acked');

test.concurrent.each(points)(
  '[cleanup.%s kill] at %s it leaves one set of jobs by id',
  async (_, point) => {
    const { accepted, jobs } = await killAndResume(point, () => Promise.resolve());

    expectOneSet(accepted, jobs);
  },
  slowMs,
);

test.concurrent.each(rows)(
  '[cleanup.%s window] at %s, the duplicate window over, it leaves one set of jobs by id',
  async (_, point) => {
    const { accepted, jobs } = await killAndResume(point, async (platform) => {
      for (let shard = 0; shard < shards; shard += 1) await shortenDuplicateWindow(platform, shard);
    });

    expectOneSet(accepted, jobs);
  },
  slowMs,
);

test.concurrent.each(rows)(
  '[cleanup.%s config] at %s, with another configuration every original has one complete run',
  async (_, point) => {
    const { accepted, jobs } = await killAndResume(point, (platform) =>
      configure(platform.bus, ['bob@example.test', 'erin@outside.test']),
    );

    for (const { queueId } of accepted) {
      const recipients = jobs.filter((job) => job.queueId === queueId).flatMap((job) => job.recipients);
      const runs = new Set(recipients.map((each) => each.run));
      const complete = [...runs].filter((run) => {
        const own = recipients.filter((each) => each.run === run);
        return new Set(own.map((each) => each.final)).size === own[0]?.n;
      });
      expect(complete.length).toBeGreaterThan(0);
    }
  },
  slowMs,
);

test.concurrent.each(unacked)(
  '[cleanup.%s stop] at %s for longer than ack_wait, it adds nothing to the jobs of the other',
  async (_, point) => {
    const platform = await openPlatform(server);
    const accepted = await acceptFour(platform);
    const sleeper = startCleanup(platform, ['--stop-at', point]);
    await untilStopped(sleeper.child.pid ?? 0);
    const other = startCleanup(platform);
    await untilDrained(platform);

    resumeProcess(sleeper.child.pid ?? 0);
    expect(await sleeper.stop()).toBe(0);

    expectOneSet(accepted, await readJobs(platform));
    expect(await readCorrupt(platform)).toEqual([]);
    await other.stop();
    await platform.close();
  },
  slowMs,
);

test.concurrent.each(unacked)(
  '[cleanup.%s wipe] at %s, NATS wiped meanwhile, the recovered records become one set of jobs by id',
  async (_, point) => {
    const own = await startNatsServer();
    const platform = await openPlatform(own);
    const accepted = await acceptFour(platform);
    const sleeper = startCleanup(platform, ['--stop-at', point]);
    await untilStopped(sleeper.child.pid ?? 0);
    await own.wipe();
    // What recovery does: the next generation, its streams, and every record of the spool again with the next attempt.
    await createGeneration(platform.store, 2);
    await untilDone(() => makeStreams(platform.bus, 2));
    await untilDone(() => configure(platform.bus));
    for (const message of accepted) await acceptAgain(platform, message);

    resumeProcess(sleeper.child.pid ?? 0);
    const other = startCleanup(platform);
    await untilDrained(platform);
    expect(await sleeper.stop()).toBe(0);

    expectOneSet(accepted, await readJobs(platform));
    expect(await readCorrupt(platform)).toEqual([]);
    await other.stop();
    await platform.close();
    await own.stop();
  },
  slowMs,
);

type Accepted = Awaited<ReturnType<typeof accept>>;

/** Four messages with three jobs each. */
async function acceptFour(platform: TestPlatform): Promise<Accepted[]> {
  const accepted: Accepted[] = [];
  for (let index = 0; index < 4; index += 1)
    accepted.push(await accept(platform, { recipients: ['team@example.test'] }));
  return accepted;
}

/**
 * Every message has its jobs, each under one id. A redelivered record may be bundled with others than the first time, and is then written
 * twice: the owner drops what it knows.
 */
function expectOneSet(accepted: readonly Accepted[], jobs: Awaited<ReturnType<typeof readJobs>>): void {
  for (const { queueId } of accepted) {
    const own = jobs.filter((job) => job.queueId === queueId);
    expect(new Set(own.map((job) => job.jobId)).size).toBe(jobsPerMessage);
  }
}

/** Accepts four messages, lets cleanup die at the point, changes something, and lets another one finish. */
async function killAndResume(point: string, between: (platform: TestPlatform) => Promise<void>) {
  const platform = await openPlatform(server);
  const accepted = await acceptFour(platform);
  const dying = startCleanup(platform, ['--crash-at', point]);
  expect((await dying.exited).signal).toBe('SIGKILL');
  await between(platform);
  const resumed = startCleanup(platform);
  await untilDrained(platform);

  const jobs = await readJobs(platform);
  expect(await readCorrupt(platform)).toEqual([]);
  await resumed.stop();
  await platform.close();
  return { accepted, jobs };
}

async function shortenDuplicateWindow(platform: TestPlatform, shard: number): Promise<void> {
  const stream = platform.bus.names.activeStream(shard);
  const { config } = await platform.bus.manager.streams.info(stream);
  await platform.bus.manager.streams.update(stream, { ...config, duplicate_window: 100_000_000 });
}
