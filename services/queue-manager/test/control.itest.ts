/** Control requests to queue-manager as a process: list, show, flush, hold, release, delete (durability rule 12). */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  control,
  deferred,
  delivered,
  enqueue,
  isDrained,
  journalKinds,
  makeJob,
  readDefer,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { shareServer } from './platforms.ts';

const open = shareServer();

describe('control', () => {
  it('lists, shows and counts', async () => {
    const platform = await open({ backoff: { minimum: '60s', maximum: '60s' } });
    await startAgent(platform, 'smtp', deferred);
    await startManager(platform);
    const jobs = Array.from({ length: 5 }, () => makeJob());
    await enqueue(platform, ...jobs);
    await until(
      async () => (await control(platform, { operation: 'statistics' })).statistics?.deferred === 5,
    );

    const first = await control(platform, { operation: 'list', limit: 3 });
    const rest = await control(platform, { operation: 'list', limit: 3, after: first.next ?? '' });
    const shown = await control(platform, { operation: 'show', queueId: jobs[0]?.queueId ?? '' });

    expect([first.rows?.length, rest.rows?.length, rest.next]).toEqual([3, 2, undefined]);
    const listed = [...(first.rows ?? []), ...(rest.rows ?? [])].map((row) => row.queueId);
    expect(listed).toEqual(jobs.map((job) => job.queueId).sort());
    expect(first.rows?.[0]).toMatchObject({
      queue: 'deferred',
      destination: 'smtp:partner.test',
      reversePath: 'alice@example.test',
      recipients: ['bob@partner.test'],
      tries: 1,
      reason: 'scripted deferred',
    });
    expect(shown.jobs?.[0]?.defer?.state).toBe('deferred');
  });

  it('flush tries deferred jobs at once', async () => {
    const platform = await open({ backoff: { minimum: '60s', maximum: '60s' } });
    let attempts = 0;
    await startAgent(platform, 'smtp', (task) => (++attempts === 1 ? deferred(task) : delivered(task)));
    await startManager(platform);
    const job = makeJob();
    await enqueue(platform, job);
    await until(async () => (await readDefer(platform, job)) !== undefined);

    // The record is in DEFER a moment before the owner has the job in its schedule.
    let flushed = 0;
    await until(async () => {
      flushed += (await control(platform, { operation: 'flush', destination: 'partner.test' })).changed ?? 0;
      return flushed > 0;
    });
    await until(() => isDrained(platform));

    expect(flushed).toBe(1);
    expect(attempts).toBe(2);
  });

  it('holds a deferred job until it is released, across a restart', async () => {
    const platform = await open();
    let isWorking = false;
    const agent = await startAgent(platform, 'smtp', (task) =>
      isWorking ? delivered(task) : deferred(task),
    );
    const first = await startManager(platform);
    const job = makeJob();
    await enqueue(platform, job);
    await until(async () => (await readDefer(platform, job)) !== undefined);

    let held = 0;
    await until(async () => {
      held += (await control(platform, { operation: 'hold', queueId: job.queueId })).changed ?? 0;
      return held === 1;
    });
    const before = agent.tasks.length;
    isWorking = true;
    await first.kill();
    await startManager(platform);
    await until(async () => (await control(platform, { operation: 'statistics' })).statistics?.held === 1);
    await sleep(2500);
    const whileHeld = agent.tasks.length;
    const released = await control(platform, { operation: 'release', queueId: job.queueId });
    await until(() => isDrained(platform));

    expect(whileHeld).toBe(before);
    expect(released.changed).toBe(1);
    expect((await journalKinds(platform, job.queueId)).filter((kind) => kind !== 'held')).toEqual([
      'released',
      'delivered',
    ]);
  });

  it('holds what arrives later of a message, and what was born held', async () => {
    const platform = await open();
    const agent = await startAgent(platform, 'smtp');
    await startManager(platform);
    const later = makeJob();
    const born = makeJob({ recipients: [{ final: 'a@p.test', isHeld: true }] });
    await control(platform, { operation: 'hold', queueId: later.queueId });

    await enqueue(platform, later, born);
    await until(async () => (await control(platform, { operation: 'statistics' })).statistics?.held === 2);
    const attemptsWhileHeld = agent.tasks.length;
    await control(platform, { operation: 'release', queueId: later.queueId });
    await control(platform, { operation: 'release', queueId: born.queueId });
    await until(() => isDrained(platform));

    expect(attemptsWhileHeld).toBe(0);
    expect(await journalKinds(platform, born.queueId)).toEqual(['held', 'released', 'delivered']);
  });

  it('answers in flight for a job in an agent hand, and holds it when its attempt has ended', async () => {
    const platform = await open();
    let end: () => void = () => undefined;
    const agent = await startAgent(platform, 'smtp', async (task) => {
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return deferred(task);
    });
    await startManager(platform);
    const job = makeJob();
    await enqueue(platform, job);
    await until(() => agent.tasks.length === 1);

    const reply = await control(platform, { operation: 'hold', queueId: job.queueId });
    end();
    await until(async () => (await readDefer(platform, job))?.state === 'held');

    expect([reply.changed, reply.inFlight]).toEqual([0, 1]);
  });

  it('deletes a job from the queue and journals it', async () => {
    const platform = await open({ backoff: { minimum: '60s', maximum: '60s' } });
    await startAgent(platform, 'smtp', deferred);
    await startManager(platform);
    const job = makeJob();
    await enqueue(platform, job);
    await until(async () => (await readDefer(platform, job)) !== undefined);

    const reply = await control(platform, { operation: 'delete', queueId: job.queueId });
    await until(() => isDrained(platform));

    expect(reply.changed).toBe(1);
    expect(await journalKinds(platform, job.queueId)).toEqual(['deleted']);
  });
});
