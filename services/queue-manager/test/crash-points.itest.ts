/**
 * kill -9 at every crash point of the owner and of the takeover (durability.md). Each row runs the same mail: delivered, deferred
 * once, bounced, mixed, such whose senders want to hear of success, and one that is put on hold and released, through a manager that dies at the point and one that follows. Then
 * every recipient has exactly one terminal entry in the journal, nothing is left in NATS, agents delivered each recipient once (the
 * agents live on, so no duplicate is inherent), and the held message was not attempted before its release was asked for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '@railpost/bus';
import { type ControlRequest, type DeliveryJob, encodeRecord, isTerminal } from '@railpost/contracts';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  type TestAgent,
  type TestPlatform,
  enqueue,
  isDrained,
  makeJob,
  openPlatform,
  readDefer,
  readJournal,
  startAgent,
  startManager,
  until,
} from './harness.ts';

const points = [
  'takeover.lease',
  'takeover.epoch-read',
  'takeover.epoch-sent',
  'takeover.announced',
  'takeover.scanning',
  'queue.consumed',
  'queue.consumed:5',
  'queue.dispatched',
  'queue.outcome-in-memory',
  'queue.outcome-in-memory:6',
  'queue.report-owed',
  'queue.report-owed:2',
  'queue.journalled-before-ack',
  'queue.journalled-before-ack:4',
  'queue.defer-written-before-ack',
  'queue.defer-written-before-ack:3',
  'queue.bouncing-before-dispatch',
  'queue.dsn-before-journal',
  'queue.hold-between',
  'queue.release-between',
  'queue.floor-before-purge',
  'queue.rolled-up-before-removal',
  'journal.put-applied',
  'journal.put-applied:4',
] as const;

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

interface Mail {
  readonly jobs: readonly DeliveryJob[];
  readonly held: DeliveryJob;
  /** Of `jobs`: those that owe one report of success. */
  readonly asked: readonly DeliveryJob[];
  readonly agent: TestAgent;
  readonly bounce: TestAgent;
}

function fateOf(final: string, attempt: number): 'delivered' | 'deferred' | 'bounced' {
  if (final.startsWith('slow') && attempt === 1) return 'deferred';
  return final.startsWith('bad') ? 'bounced' : 'delivered';
}

/** Finals say what becomes of them: `good`, `slow` (deferred at first), `bad`, `quiet` (held while quiet). */
async function sendMail(platform: TestPlatform): Promise<Mail> {
  const attempts = new Map<string, number>();
  const agent = await startAgent(platform, 'smtp', (task) => ({
    recipients: task.pending.map(({ index, recipient }) => {
      const count = (attempts.get(`${task.job.jobId} ${index}`) ?? 0) + 1;
      attempts.set(`${task.job.jobId} ${index}`, count);
      const fate = fateOf(recipient.final, count);
      return { index, disposition: fate, status: { code: '2.0.0', text: fate }, relay: 'test' };
    }),
  }));
  const bounce = await startAgent(platform, 'bounce');
  const jobs = [
    ...Array.from({ length: 3 }, (_, index) => makeJob({ recipients: [{ final: `good${index}@x.test` }] })),
    ...Array.from({ length: 3 }, (_, index) => makeJob({ recipients: [{ final: `slow${index}@x.test` }] })),
    makeJob({ recipients: [{ final: 'bad@x.test' }] }),
    makeJob({ recipients: [{ final: 'good@m.test' }, { final: 'slow@m.test' }, { final: 'bad@m.test' }] }),
  ];
  const notify = ['SUCCESS' as const];
  const asked = [
    makeJob({ recipients: [{ final: 'glad@x.test', notify }] }),
    makeJob({ recipients: [{ final: 'glad@m.test', notify }, { final: 'slow@y.test' }] }),
    makeJob({ recipients: [{ final: 'slow@list.test', notify: ['NEVER'], isExpansionReportDue: true }] }),
  ];
  const held = makeJob({ recipients: [{ final: 'quiet@x.test', isHeld: true }] });
  await enqueue(platform, ...jobs, ...asked, held);
  return { jobs: [...jobs, ...asked, held], held, asked, agent, bounce };
}

/** Asks until an owner answers; owners die meanwhile. */
async function command(platform: TestPlatform, request: ControlRequest): Promise<void> {
  const { bus } = platform;
  await until(async () => {
    const answer = await ask(bus, bus.names.controlSubject(0), encodeRecord(request), 1000);
    return answer instanceof Uint8Array;
  }, 30_000);
}

describe('kill -9 of the owner', () => {
  it.concurrent.for(points)(
    'at %s loses nothing and doubles nothing',
    { timeout: 180_000 },
    async (point, { expect, onTestFinished }) => {
      const platform = await openPlatform(server);
      onTestFinished(() => platform.close());
      const mail = await sendMail(platform);
      const rollUp = ['--journal-roll-up', '300ms'];
      const doomed = await startManager(platform, [...rollUp, '--crash-at', point], false);
      await Promise.race([doomed.exited, doomed.waitForEvent('shard-taken', 60_000).catch(() => undefined)]);
      // The second one waits for the lease and goes on where the first one died.
      const follower = await startManager(platform, rollUp);
      await until(async () => (await readDefer(platform, mail.held))?.state === 'held', 60_000);
      await sleep(500);
      const attemptsWhileHeld = mail.agent.count(mail.held.jobId);
      await command(platform, { operation: 'release', queueId: mail.held.queueId });
      await until(async () => {
        if (await isDrained(platform)) return true;
        // A release that died between its two writes was not confirmed: the user asks again.
        await command(platform, { operation: 'release', queueId: mail.held.queueId });
        return false;
      }, 60_000);

      const died = await Promise.race([doomed.exited, sleep(2000, undefined)]);
      const terminal = (await readJournal(platform)).filter((entry) => isTerminal(entry.kind));
      const expected = mail.jobs.flatMap((job) =>
        job.recipients.map(
          ({ final }) => `${job.queueId} ${final} ${final.startsWith('bad') ? 'bounced' : 'delivered'}`,
        ),
      );
      const found = terminal.map((entry) => `${entry.queueId} ${entry.final} ${entry.kind}`);
      expect(died?.signal).toBe('SIGKILL');
      expect([...new Set(found)].sort()).toEqual([...expected].sort());
      expect(attemptsWhileHeld).toBe(0);
      for (const job of mail.jobs) {
        const isSlow = job.recipients.some((each) => each.final.startsWith('slow'));
        expect(mail.agent.count(job.jobId)).toBe(isSlow ? 2 : 1);
      }
      // A report that is asked for again is the same report: bounce makes its queue id of these two.
      const reports = (kind: 'failure' | 'success'): string[] => {
        const told = mail.bounce.tasks.filter(({ task }) => task === kind);
        const names = new Set(told.map(({ job, report }) => `${job.jobId} ${report?.decidedAtMs}`));
        return [...names].map((name) => name.slice(0, name.indexOf(' '))).sort();
      };
      expect(reports('failure')).toHaveLength(2);
      expect(reports('success')).toEqual(mail.asked.map(({ jobId }) => jobId).sort());
      await follower.stop();
    },
  );
});
