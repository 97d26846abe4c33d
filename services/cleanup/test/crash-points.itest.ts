/**
 * Cleanup killed at each of its crash points (durability rules), with the three things that may happen before the record
 * comes again: nothing, another configuration, the end of the duplicate window. Each case has a platform of its own.
 */
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type TestPlatform,
  accept,
  configure,
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

/** Two processes start one after the other in each case, and five cases run at once. */
const slowMs = 120_000;

/** Name and how often the point is passed before the process dies there. */
const crashPoints = [
  'cleanup.taken',
  'cleanup.taken:3',
  'cleanup.published-some:1',
  'cleanup.published-some:2',
  'cleanup.published-some:3',
  'cleanup.published-some:7',
  'cleanup.published-before-ack',
  'cleanup.acked',
];

test.concurrent.each(crashPoints)(
  'killed at %s it leaves exactly one set of jobs',
  async (point) => {
    const { queueIds, jobs } = await killAndResume(point, () => Promise.resolve());

    for (const queueId of queueIds) {
      const own = jobs.filter((job) => job.queueId === queueId);
      expect(new Set(own.map((job) => job.jobId)).size).toBe(3);
      expect(own).toHaveLength(3);
    }
  },
  slowMs,
);

test.concurrent.each(['cleanup.published-some:2', 'cleanup.published-before-ack'])(
  'killed at %s and resumed after the duplicate window it leaves one set of jobs by id',
  async (point) => {
    const { queueIds, jobs } = await killAndResume(point, async (platform) => {
      for (let shard = 0; shard < shards; shard += 1) await shortenDuplicateWindow(platform, shard);
    });

    for (const queueId of queueIds) {
      const own = jobs.filter((job) => job.queueId === queueId);
      expect(new Set(own.map((job) => job.jobId)).size).toBe(3);
    }
  },
  slowMs,
);

test.concurrent.each(['cleanup.published-some:1', 'cleanup.published-before-ack'])(
  'killed at %s and resumed with another configuration every original has one complete run',
  async (point) => {
    const { queueIds, jobs } = await killAndResume(point, (platform) =>
      configure(platform.bus, ['bob@example.test', 'erin@outside.test']),
    );

    for (const queueId of queueIds) {
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

/** Accepts four messages, lets cleanup die at the point, changes something, and lets another one finish. */
async function killAndResume(point: string, between: (platform: TestPlatform) => Promise<void>) {
  const platform = await openPlatform(server);
  const queueIds: string[] = [];
  for (let index = 0; index < 4; index += 1) {
    queueIds.push((await accept(platform, { recipients: ['team@example.test'] })).queueId);
  }
  const dying = startCleanup(platform, ['--crash-at', point]);
  expect((await dying.exited).signal).toBe('SIGKILL');
  await between(platform);
  const resumed = startCleanup(platform);
  await untilDrained(platform);

  const jobs = await readJobs(platform);
  expect(await readCorrupt(platform)).toEqual([]);
  await resumed.stop();
  await platform.close();
  return { queueIds, jobs };
}

async function shortenDuplicateWindow(platform: TestPlatform, shard: number): Promise<void> {
  const stream = platform.bus.names.activeStream(shard);
  const { config } = await platform.bus.manager.streams.info(stream);
  await platform.bus.manager.streams.update(stream, { ...config, duplicate_window: 100_000_000 });
}
