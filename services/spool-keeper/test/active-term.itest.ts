/** One keeper is active at a time; another goes on when it stops or dies, and failing tasks begin again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EventLog, createRegistry, systemClock } from '@railpost/runtime';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ActiveTerm } from '../src/active-term.ts';
import type { KeeperTask } from '../src/keeper-task.ts';
import { until } from './given.ts';
import { type TestPlatform, leaseTtlMs, openPlatform } from './platform.ts';

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

function termOf(platform: TestPlatform, processName: string, ...tasks: readonly KeeperTask[]): ActiveTerm {
  const context = {
    processName,
    bus: platform.bus,
    store: platform.store,
    log: new EventLog({ service: 'k', processName, format: 'json', level: 'error', write: () => undefined }),
    metrics: createRegistry('k', 'test'),
    clock: systemClock,
    crashPoint: () => undefined,
    setProblem: () => undefined,
  };
  return new ActiveTerm(context, { leaseTtlMs, restartMs: 50 }, tasks);
}

/** Works until it is told to end, and says so. */
function workingTask(name: string, log: string[]): KeeperTask {
  return {
    name,
    async run(signal) {
      log.push(`${name} begins`);
      await sleep(3_600_000, undefined, { signal }).catch(() => undefined);
      log.push(`${name} ends`);
    },
  };
}

it('runs the tasks of one process at a time and hands over in order', async ({ onTestFinished }) => {
  const platform = await openPlatform(server);
  const log: string[] = [];
  const first = termOf(platform, 'k-1', workingTask('first', log));
  const second = termOf(platform, 'k-2', workingTask('second', log));
  onTestFinished(async () => {
    await second.stop();
    await platform.close();
  });
  first.start();
  await until(() => first.isActive);
  second.start();
  // A life without refresh: whoever did not refresh would have lost it by then.
  await sleep(leaseTtlMs);
  expect(second.isActive).toBe(false);

  await first.stop();
  await until(() => second.isActive);

  expect(log).toEqual(['first begins', 'first ends', 'second begins']);
});

it('follows one that was killed when its lease has run out', { timeout: 180_000 }, async ({
  onTestFinished,
}) => {
  const platform = await openPlatform(server);
  onTestFinished(() => platform.close());
  const first = await platform.startKeeper();
  await first.waitForEvent('keeper-active');
  const second = await platform.startKeeper();

  await first.kill();

  await expect(second.waitForEvent('keeper-active', 60_000)).resolves.toBeDefined();
});

it('begins a task again that failed, and leaves the others alone', async ({ onTestFinished }) => {
  const platform = await openPlatform(server);
  const log: string[] = [];
  let failures = 0;
  const failing: KeeperTask = {
    name: 'failing',
    async run(signal) {
      failures += 1;
      if (failures < 3) throw new Error('not yet');
      await workingTask('failing', log).run(signal);
    },
  };
  const term = termOf(platform, 'k-1', failing, workingTask('other', log));
  onTestFinished(() => platform.close());

  term.start();
  await until(() => log.includes('failing begins'));
  await term.stop();

  expect(log.slice(0, 2)).toEqual(['other begins', 'failing begins']);
  expect(log.slice(2).sort()).toEqual(['failing ends', 'other ends']);
});
