/**
 * The owner and the takeover at every crash point (durability.md): killed, stopped while another takes over, and stopped while the other
 * takes over and dies, so that the lease comes back (lease ABA), and stopped while NATS loses everything. What must hold is in crash-mail.ts.
 */
import { createGeneration } from '@railpost/spool';
import {
  type NatsServer,
  type ServiceProcess,
  resumeProcess,
  startNatsServer,
  untilDone,
  untilStopped,
} from '@railpost/testkit';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { drain, expectKept, recover, releaseWhenHeld, sendMail } from './crash-mail.ts';
import {
  type TestPlatform,
  configure,
  isDrained,
  makeStreams,
  openPlatform,
  startManager,
  until,
} from './harness.ts';

/** Row of the table, and the crash point with the number of times that it is passed before. */
const points = [
  ['takeover.lease', 'takeover.lease'],
  ['takeover.epoch-read', 'takeover.epoch-read'],
  ['takeover.epoch-sent', 'takeover.epoch-sent'],
  ['takeover.announced', 'takeover.announced'],
  ['takeover.scanning', 'takeover.scanning'],
  ['owner.consumed', 'queue.consumed'],
  ['owner.consumed', 'queue.consumed:5'],
  ['owner.dispatched', 'queue.dispatched'],
  ['owner.outcome-in-memory', 'queue.outcome-in-memory'],
  ['owner.outcome-in-memory', 'queue.outcome-in-memory:6'],
  ['owner.report-owed', 'queue.report-owed'],
  ['owner.report-owed', 'queue.report-owed:2'],
  ['owner.journal-put-sent', 'journal.put-applied'],
  ['owner.journal-put-sent', 'journal.put-applied:4'],
  ['owner.journalled-before-ack', 'queue.journalled-before-ack'],
  ['owner.journalled-before-ack', 'queue.journalled-before-ack:4'],
  ['owner.defer-before-write', 'queue.defer-before-write'],
  ['owner.defer-before-write', 'queue.defer-before-write:3'],
  ['owner.defer-written-before-ack', 'queue.defer-written-before-ack'],
  ['owner.defer-written-before-ack', 'queue.defer-written-before-ack:3'],
  ['owner.bouncing-before-dispatch', 'queue.bouncing-before-dispatch'],
  ['owner.dsn-before-journal', 'queue.dsn-before-journal'],
  ['owner.hold-between', 'queue.hold-between'],
  ['owner.release-between', 'queue.release-between'],
  ['owner.floor-before-purge', 'queue.floor-before-purge'],
  ['owner.rolled-up-before-removal', 'queue.rolled-up-before-removal'],
] as const;

/** One per row: a pause costs more time than a death. */
const stops = points.filter(
  ([row], index) => points.findIndex(([other]) => other === row) === index || row.endsWith('before-write'),
);

/** One of each row. */
const wipes = points.filter(([row], index) => points.findIndex(([other]) => other === row) === index);

const rollUp = ['--journal-roll-up', '300ms'];
const slow = { timeout: 600_000 };
/** Four of these are silence, which five tests at once in one process must not feign. */
const calm = { heartbeatMs: 1000 };

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

describe('kill -9 of the owner', () => {
  it.concurrent.for(points)(
    '[%s kill] at %s loses nothing and doubles nothing',
    slow,
    async ([, point], { expect, onTestFinished }) => {
      const platform = await openPlatform(server, calm);
      onTestFinished(() => platform.close());
      const mail = await sendMail(platform);
      const doomed = await startManager(platform, [...rollUp, '--crash-at', point], false);
      const user = releaseWhenHeld(platform, mail);
      // It may fail when nobody waits for it yet.
      user.catch(() => undefined);
      expect((await doomed.exited).signal).toBe('SIGKILL');

      const follower = await startManager(platform, rollUp);
      expect(await user).toBe(0);
      await drain(platform, mail);
      await expectKept(expect, platform, mail);
      expect(violationsOf(doomed, follower)).toEqual([]);
      await follower.stop();
    },
  );

  it(
    '[owner.journalled-before-ack nats] with NATS killed, too: acknowledgements that it forgot cost nothing',
    slow,
    async ({ expect, onTestFinished }) => {
      const own = await startNatsServer();
      onTestFinished(() => own.stop());
      const platform = await openPlatform(own, calm);
      onTestFinished(() => platform.close());
      const mail = await sendMail(platform);
      const point = 'queue.journalled-before-ack:4';
      const doomed = await startManager(platform, [...rollUp, '--crash-at', point], false);
      expect((await doomed.exited).signal).toBe('SIGKILL');
      await own.restart();

      await startManager(platform, rollUp);
      expect(await releaseWhenHeld(platform, mail)).toBe(0);
      await drain(platform, mail);
      await expectKept(expect, platform, mail);
    },
  );
});

describe('SIGSTOP of the owner', () => {
  it.concurrent.for(stops)(
    '[%s stop] at %s, woken up when another owns the shard, it does nothing any more',
    slow,
    async ([, point], { expect, onTestFinished }) => {
      const platform = await openPlatform(server, calm);
      onTestFinished(() => platform.close());
      const { mail, sleeper, user } = await sleepAt(platform, point);

      const follower = await startManager(platform, rollUp);
      expect(await user).toBe(0);
      await drain(platform, mail);
      resumeProcess(sleeper.pid);

      // What it writes behind the other's back would stay there until the next takeover.
      await untilLeft(sleeper);
      expect(await isDrained(platform)).toBe(true);
      await follower.stop();
      await untilTakenAgain(sleeper);
      expect(await isDrained(platform)).toBe(true);
      await expectKept(expect, platform, mail);
      expect(violationsOf(sleeper, follower)).toEqual([]);
    },
  );

  it.concurrent.for(stops)(
    '[%s aba] at %s, woken up when the other has died, too, it begins from zero',
    slow,
    async ([, point], { expect, onTestFinished }) => {
      const platform = await openPlatform(server, calm);
      onTestFinished(() => platform.close());
      const { mail, sleeper, user } = await sleepAt(platform, point);

      const follower = await startManager(platform, rollUp);
      await follower.waitForEvent('shard-taken', 180_000);
      await follower.kill();
      resumeProcess(sleeper.pid);
      expect(await user).toBe(0);
      await drain(platform, mail);

      await untilTakenAgain(sleeper);
      await expectKept(expect, platform, mail);
      expect(violationsOf(sleeper, follower)).toEqual([]);
    },
  );

  it.concurrent.for(wipes)(
    '[%s wipe] at %s, NATS wiped meanwhile, what recovery brings back is delivered once',
    slow,
    async ([, point], { expect, onTestFinished }) => {
      const own = await startNatsServer();
      onTestFinished(() => own.stop());
      const platform = await openPlatform(own, calm);
      onTestFinished(() => platform.close());
      const { mail, sleeper, user } = await sleepAt(platform, point);

      await own.wipe();
      await createGeneration(platform.store, 2);
      await untilDone(() => makeStreams(platform.bus, 2, platform.shards));
      await untilDone(() => configure(platform.bus));
      await recover(platform, mail);
      resumeProcess(sleeper.pid);
      const follower = await startManager(platform, rollUp);
      await user;
      await drain(platform, mail);

      await expectKept(expect, platform, mail, { isWiped: true });
      expect(violationsOf(sleeper, follower)).toEqual([]);
      await follower.stop();
    },
  );
});

/** Sends the mail and resolves when an owner stands still at the point; the user is at work already. */
async function sleepAt(platform: TestPlatform, point: string) {
  const mail = await sendMail(platform);
  const sleeper = await startManager(platform, [...rollUp, '--stop-at', point], false);
  const user = releaseWhenHeld(platform, mail);
  // It may fail when nobody waits for it yet.
  user.catch(() => undefined);
  await untilStopped(sleeper.pid);
  return { mail, sleeper, user };
}

/** Invariants that the processes saw violated (durability.md). */
function violationsOf(...managers: readonly ServiceProcess[]): unknown[] {
  return managers.flatMap(({ events }) => events.filter(({ event }) => event === 'invariant-violated'));
}

/** Resolves when the process that stood still has noticed that another owns the shard. */
async function untilLeft(sleeper: ServiceProcess): Promise<void> {
  await until(
    () => sleeper.events.some(({ event }) => event !== 'shard-taken' && termEvents.has(event)),
    180_000,
  );
}

/** Resolves when the process that stood still owns the shard once more: it lost it, or failed to take it, and took it then. */
async function untilTakenAgain(sleeper: ServiceProcess): Promise<void> {
  await until(() => {
    const terms = sleeper.events.map(({ event }) => event).filter((event) => termEvents.has(event));
    return terms.length > 1 && terms.at(-1) === 'shard-taken';
  }, 180_000);
}

const termEvents: ReadonlySet<string> = new Set(['shard-taken', 'shard-left', 'takeover-failed']);
