/** DEFER records whose deletion NATS forgot, and that the journal's youngest part says nothing of (durability rule 10). */
import { openFence } from '@railpost/bus';
import {
  type DeferRecord,
  type DeliveryJob,
  deferHeader,
  encodeRecord,
  formatDeferSummary,
} from '@railpost/contracts';
import { openJournalWriter } from '@railpost/spool';
import { beforeEach, expect, it } from 'vitest';
import {
  type TestPlatform,
  delivered,
  isDrained,
  makeJob,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { openOwnPlatform } from './platforms.ts';

const minuteMs = 60_000;

let platform: TestPlatform;

beforeEach(async () => {
  platform = await openOwnPlatform();
});

/** Leaves jobs in DEFER as an owner did that has died since; they were due ten minutes ago. */
async function defer(...jobs: readonly DeliveryJob[]): Promise<number> {
  const { bus } = platform;
  const writer = await (await openFence(bus, 0, 'an owner of before')).claim();
  const nextMs = Date.now() - 10 * minuteMs;
  for (const job of jobs) {
    const { queueId, nextHop, receivedAt } = job;
    const record: DeferRecord = {
      ...{ version: 1, job, state: 'deferred', tries: 1, nextMs, done: [], bouncing: [], outcomes: [] },
      ...{ decidedAtMs: nextMs, suspendedMs: 0, lastFaultIsOurs: false, hasDelayWarning: false },
    };
    const about = { queueId, receivedAtMs: Date.parse(receivedAt), transport: nextHop.transport };
    await writer.write(bus.names.deferSubject(0, job.destination, job.jobId), encodeRecord(record), {
      [deferHeader]: formatDeferSummary({ ...about, state: 'deferred', nextMs, tries: 1 }),
    });
  }
  writer.close();
  return writer.epoch;
}

/** Writes that a message was delivered, some minutes ago. */
async function journalDelivered(job: DeliveryJob, epoch: number, minutesAgo: number): Promise<void> {
  const now = () => Date.now() - minutesAgo * minuteMs;
  const journal = openJournalWriter(platform.store, { generation: 1, shard: 0, epoch }, { now });
  const entries = job.recipients.map(({ orig, final, run, n }) => ({
    ...{ queueId: job.queueId, orig, final, run, n },
    kind: 'delivered' as const,
  }));
  await journal.append(entries, {});
  await journal.close();
}

it('a record whose deletion was forgotten is not delivered again, however much has been journalled since', async () => {
  const receivedAtMs = Date.now() - 11 * minuteMs;
  const [finished, open, other] = [0, 1, 2].map(() => makeJob({ receivedAtMs }));
  if (finished === undefined || open === undefined || other === undefined) throw new Error('three jobs');
  const epoch = await defer(finished, open);
  await journalDelivered(finished, epoch, 9);
  await journalDelivered(other, epoch + 1, 0);
  const agent = await startAgent(platform, 'smtp', delivered);

  await startManager(platform);
  await until(() => isDrained(platform));

  expect(agent.tasks.map(({ job }) => job.jobId)).toEqual([open.jobId]);
}, 60_000);
