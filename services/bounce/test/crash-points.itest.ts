/** bounce at each of its crash points: killed, stopped while another makes the same report, and with NATS wiped meanwhile. One report comes of it. */
import { readSegment } from '@railpost/spool';
import { type NatsServer, resumeProcess, startNatsServer, untilDone, untilStopped } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Platform, failedJob, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\nFrom: <alice@example.test>\r\n\r\nsecret body\r\n');
const bob = 'bob@partner.test';
const slow = { timeout: 240_000 };
const patience = { timeout: 30_000 };

/** Row of the table, and the crash point. */
const points = [
  ['accepted', 'bounce.accepted'],
  ['put-sent', 'spool.put-applied'],
  ['put-before-publish', 'bounce.put-before-publish'],
  ['published-before-answer', 'bounce.published-before-answer'],
] as const;

let server: NatsServer;
let platform: Platform;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  platform = await preparePlatform(server);
});
afterEach(() => platform.close());

it.each(points)(
  '[bounce.%s kill] at %s, then the same task again, gives one report under one queue id',
  slow,
  async (_, point) => {
    const doomed = await platform.start('--crash-at', point);
    const job = failedJob(await platform.spool(message), [{ final: bob }]);
    // The process may die before its answer has left: to an owner that is one more lost answer.
    await platform.owner.dispatch('bounce', [job]).catch(() => undefined);
    expect((await doomed.exited).signal).toBe('SIGKILL');
    expect(platform.owner.outcomes).toEqual([]);

    await platform.start();
    await platform.owner.dispatch('bounce', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(await reportIds(platform)).toEqual([outcome.reportQueueId]);
    await expectSameOctets(platform, outcome.reportQueueId);
  },
);

it.each(points)(
  '[bounce.%s stop] at %s while another makes the report: both make the same one',
  slow,
  async (_, point) => {
    const sleeper = await platform.start('--stop-at', point);
    const job = failedJob(await platform.spool(message), [{ final: bob }]);
    await platform.owner.dispatch('bounce', [job]).catch(() => undefined);
    await untilStopped(sleeper.pid);
    platform.owner.epoch += 1;
    await platform.start();
    // The server of requests may choose the one that stands still, as it may in life.
    const wasTaken = async () => (await platform.owner.dispatch('bounce', [job])).accepted.length === 1;
    await expect.poll(() => wasTaken().catch(() => false), patience).toBe(true);
    const first = await platform.owner.outcomeOf(job.job.jobId);
    resumeProcess(sleeper.pid);
    const second = await platform.owner.outcomeOf(job.job.jobId);

    expect(second.reportQueueId).toBe(first.reportQueueId);
    expect(await reportIds(platform)).toEqual([first.reportQueueId]);
    await expectSameOctets(platform, first.reportQueueId);
  },
);

it.each(points)(
  '[bounce.%s wipe] at %s, NATS wiped meanwhile: the report is in the spool, and in INCOMING unless it was before',
  slow,
  async (row, point) => {
    const ownServer = await startNatsServer();
    const own = await preparePlatform(ownServer);
    try {
      const sleeper = await own.start('--stop-at', point);
      const job = failedJob(await own.spool(message), [{ final: bob }]);
      await own.owner.dispatch('bounce', [job]).catch(() => undefined);
      await untilStopped(sleeper.pid);
      await ownServer.wipe();
      await untilDone(() => own.renew(2));
      own.owner.epoch += 1;
      resumeProcess(sleeper.pid);

      const outcome = await own.owner.outcomeOf(job.job.jobId, 60_000);

      expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
      await expectSameOctets(own, outcome.reportQueueId);
      // What INCOMING had already, recovery brings back from the spool.
      const isLost = row === 'published-before-answer';
      expect(await reportIds(own)).toEqual(isLost ? [] : [outcome.reportQueueId]);
    } finally {
      await own.close();
      await ownServer.stop();
    }
  },
);

it(
  '[bounce.null-reverse-path kill] killed before its answer was acknowledged, then the same task again: no report',
  slow,
  async () => {
    const doomed = await platform.start();
    platform.owner.isAcknowledging = false;
    const job = failedJob(await platform.spool(message), [{ final: bob }], { job: { reversePath: '' } });
    const before = await platform.segments();
    await platform.owner.dispatch('bounce', [job]);
    await platform.owner.outcomeOf(job.job.jobId);
    await doomed.kill();

    await platform.start();
    platform.owner.isAcknowledging = true;
    await platform.owner.dispatch('bounce', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome).toMatchObject({ recipients: [{ disposition: 'delivered' }] });
    expect(outcome.reportQueueId).toBeUndefined();
    expect(await reportIds(platform)).toEqual([]);
    expect(await platform.segments()).toEqual(before);
  },
);

/** Queue ids in INCOMING. */
async function reportIds(of: Platform): Promise<string[]> {
  return (await of.incoming()).map(({ record }) => record.envelope.queueId);
}

/** What several tries left in the spool is the same message: same id, same octets. */
async function expectSameOctets(of: Platform, queueId: string | undefined): Promise<void> {
  const spooled = await Promise.all((await of.segments()).map((key) => readSegment(of.store, key)));
  const copies = spooled
    .flatMap(({ records }) => records)
    .filter(({ envelope }) => envelope.queueId === queueId);
  expect(copies.length).toBeGreaterThanOrEqual(1);
  expect(new Set(copies.map(({ body }) => body.sha256)).size).toBe(1);
}
