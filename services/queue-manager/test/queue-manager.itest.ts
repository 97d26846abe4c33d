/** queue-manager as a process against a real nats-server and a directory spool, with scripted delivery agents. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openJournalWriter } from '@railpost/spool';
import { describe, expect, it } from 'vitest';
import {
  bounced,
  configure,
  control,
  deferred,
  delivered,
  enqueue,
  isDrained,
  journalKinds,
  makeJob,
  readDefer,
  readJournal,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { shareServer } from './platforms.ts';

const open = shareServer();

describe('delivery', () => {
  it('journals what agents delivered and leaves nothing in NATS', async () => {
    const platform = await open();
    const agent = await startAgent(platform, 'smtp');
    const manager = await startManager(platform);
    const jobs = Array.from({ length: 300 }, (_, index) =>
      makeJob({ nextHop: { transport: 'smtp', mx: `d${index % 20}.test` } }),
    );

    await enqueue(platform, ...jobs);
    await until(() => isDrained(platform));

    const journal = await readJournal(platform);
    expect(journal).toHaveLength(300);
    expect(new Set(journal.map((entry) => entry.kind))).toEqual(new Set(['delivered']));
    expect(agent.tasks).toHaveLength(300);
    expect(manager.events.filter((each) => each.event === 'removed')).toHaveLength(300);
    expect((await manager.stop()).code).toBe(0);
  });

  it('tries a deferred job again after its backoff, and forgets it when it is delivered', async () => {
    const platform = await open();
    const times: number[] = [];
    await startAgent(platform, 'smtp', (task) => {
      times.push(performance.now());
      return times.length < 3 ? deferred(task) : delivered(task);
    });
    await startManager(platform);
    const job = makeJob();

    await enqueue(platform, job);
    await until(() => isDrained(platform));

    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps[0]).toBeGreaterThan(950);
    expect(gaps[1]).toBeGreaterThan(1950);
    expect(await journalKinds(platform, job.queueId)).toEqual(['delivered']);
  });

  it('lets bounce report a failure before it is journalled, and drops that of the null reverse-path', async () => {
    const platform = await open();
    const seen: string[][] = [];
    await startAgent(platform, 'smtp', bounced);
    const bounce = await startAgent(platform, 'bounce', async (task) => {
      seen.push(await journalKinds(platform, task.job.queueId));
      return { ...delivered(task), reportQueueId: 'x' };
    });
    await startManager(platform);
    const ordinary = makeJob();
    const report = makeJob({ reversePath: '' });

    await enqueue(platform, ordinary, report);
    await until(() => isDrained(platform));

    expect(bounce.tasks.map((task) => [task.job.queueId, task.task])).toEqual([
      [ordinary.queueId, 'failure'],
    ]);
    expect(bounce.tasks[0]?.report?.outcomes[0]?.status.code).toBe('5.1.1');
    expect(seen).toEqual([[]]);
    expect(await journalKinds(platform, ordinary.queueId)).toEqual(['bounced']);
    expect(await journalKinds(platform, report.queueId)).toEqual(['dropped']);
  });

  it('settles each recipient of a job by itself', async () => {
    const platform = await open();
    let attempts = 0;
    await startAgent(platform, 'smtp', (task) => {
      attempts += 1;
      const dispositions = ['delivered', 'bounced', attempts < 2 ? 'deferred' : 'delivered'] as const;
      return {
        recipients: task.pending.map(({ index }) => ({
          index,
          disposition: dispositions[index] ?? 'deferred',
          status: { code: '2.0.0', text: '' },
          relay: 'x',
        })),
      };
    });
    const bounce = await startAgent(platform, 'bounce');
    await startManager(platform);
    const job = makeJob({
      recipients: [{ final: 'a@p.test' }, { final: 'b@p.test' }, { final: 'c@p.test' }],
    });

    await enqueue(platform, job);
    await until(() => isDrained(platform));

    const journal = await readJournal(platform, job.queueId);
    expect(journal.map((entry) => `${entry.final} ${entry.kind}`).sort()).toEqual([
      'a@p.test delivered',
      'b@p.test bounced',
      'c@p.test delivered',
    ]);
    expect(bounce.tasks.map((task) => task.pending.map(({ index }) => index))).toEqual([[1]]);
  });

  it('lets bounce report successes that were asked for, once each, and then forgets the job', async () => {
    const platform = await open();
    await startAgent(platform, 'smtp', (task) => {
      const outcome = delivered(task);
      const isSlow = (index: number) => index === 1 && task.tries === 0;
      return {
        recipients: outcome.recipients.map((each) =>
          isSlow(each.index)
            ? { ...each, disposition: 'deferred' as const }
            : { ...each, success: 'relayed' as const },
        ),
      };
    });
    const bounce = await startAgent(platform, 'bounce');
    await startManager(platform);
    const notify = ['SUCCESS' as const];
    const job = makeJob({
      recipients: [{ final: 'a@p.test', notify }, { final: 'b@p.test', notify }, { final: 'c@p.test' }],
    });
    const discard = makeJob({
      nextHop: { transport: 'discard' },
      recipients: [{ final: 'd@p.test', notify }],
    });

    await enqueue(platform, job, discard);
    await until(() => isDrained(platform));

    const reports = bounce.tasks.map((task) => [task.task, task.report?.outcomes.map((each) => each.final)]);
    expect(reports.filter((each) => each[1]?.toString() !== 'd@p.test')).toEqual([
      ['success', ['a@p.test']],
      ['success', ['b@p.test']],
    ]);
    expect(reports).toContainEqual(['success', ['d@p.test']]);
    expect((await readJournal(platform)).map((entry) => entry.kind).sort()).toEqual([
      'delivered',
      'delivered',
      'delivered',
      'discarded',
    ]);
  });

  it('settles error, retry and discard itself and logs their dispositions', async () => {
    const platform = await open();
    const bounce = await startAgent(platform, 'bounce');
    const manager = await startManager(platform);
    const error = makeJob({ nextHop: { transport: 'error', code: '5.1.6', text: 'moved away' } });
    const discard = makeJob({ nextHop: { transport: 'discard' } });
    const retry = makeJob({ nextHop: { transport: 'retry', code: '4.7.1', text: 'later' } });

    await enqueue(platform, error, discard, retry);
    await until(async () => (await readJournal(platform)).length === 2);
    await until(async () => ((await readDefer(platform, retry))?.tries ?? 0) >= 2);

    expect(await journalKinds(platform, error.queueId)).toEqual(['bounced']);
    expect(await journalKinds(platform, discard.queueId)).toEqual(['discarded']);
    expect(bounce.tasks[0]?.report?.outcomes[0]?.status).toMatchObject({ code: '5.1.6', text: 'moved away' });
    const lines = manager.events.filter((each) => each.event === 'disposition');
    expect(lines.find((each) => each['queueId'] === discard.queueId)).toMatchObject({
      status: 'sent',
      dsn: '2.0.0',
    });
    expect(lines.find((each) => each['queueId'] === retry.queueId)).toMatchObject({ status: 'deferred' });
  });

  it('returns mail at the end of its lifetime, holds it when only our own faults stood in the way', async () => {
    const platform = await open({ lifetime: '3s' });
    await startAgent(platform, 'smtp', deferred);
    await startAgent(platform, 'lmtp', () => {
      throw new Error('a bug');
    });
    const bounce = await startAgent(platform, 'bounce');
    const manager = await startManager(platform);
    const late = makeJob();
    const buggy = makeJob({ nextHop: { transport: 'lmtp', host: 'h', port: 24 } });

    await enqueue(platform, late, buggy);
    await manager.waitForEvent('held-for-own-fault');
    await until(async () => (await journalKinds(platform, late.queueId)).includes('bounced'));

    expect(manager.events.find((each) => each.event === 'expired')?.['queueId']).toBe(late.queueId);
    expect(bounce.tasks.map((task) => task.job.queueId)).toEqual([late.queueId]);
    expect((await readDefer(platform, buggy))?.state).toBe('held');
    expect(await journalKinds(platform, buggy.queueId)).toEqual(['held']);
  });

  it('warns the sender of a delay once and goes on trying', async () => {
    const platform = await open({ delayWarning: '1s' });
    await startAgent(platform, 'smtp', deferred);
    const bounce = await startAgent(platform, 'bounce');
    await startManager(platform);
    const job = makeJob();

    await enqueue(platform, job);
    await until(async () => ((await readDefer(platform, job))?.tries ?? 0) >= 4);

    expect(bounce.tasks.map((task) => task.task)).toEqual(['delay']);
    expect(bounce.tasks[0]?.report?.willRetryUntil).toBeDefined();
    expect((await readDefer(platform, job))?.hasDelayWarning).toBe(true);
  });

  it('defers the jobs of a dead destination without attempts and leaves others alone', async () => {
    const platform = await open({ backoff: { minimum: '30s', maximum: '60s' } });
    const agent = await startAgent(platform, 'smtp', (task) =>
      task.job.destination === 'smtp:dead.test'
        ? { ...deferred(task), isDestinationFault: true }
        : delivered(task),
    );
    const manager = await startManager(platform);
    const dead = Array.from({ length: 60 }, () =>
      makeJob({ nextHop: { transport: 'smtp', mx: 'dead.test' } }),
    );
    const alive = Array.from({ length: 10 }, () =>
      makeJob({ nextHop: { transport: 'smtp', mx: 'alive.test' } }),
    );

    await enqueue(platform, ...dead, ...alive);
    await until(
      async () => (await control(platform, { operation: 'statistics' })).statistics?.deferred === 60,
    );

    const attempted = agent.tasks.filter((task) => task.job.destination === 'smtp:dead.test').length;
    expect(attempted).toBeLessThan(15);
    await until(async () => (await readJournal(platform)).length === 10);
    const skipped = manager.events.filter(
      (each) =>
        each.event === 'disposition' && String(each['reason']).startsWith('delivery temporarily suspended'),
    );
    expect(skipped.length).toBe(60 - attempted);
  });

  it('never runs more deliveries to a destination than its window allows', async () => {
    const platform = await open();
    let running = 0;
    let most = 0;
    await startAgent(
      platform,
      'smtp',
      async (task) => {
        running += 1;
        most = Math.max(most, running);
        await sleep(20);
        running -= 1;
        return delivered(task);
      },
      200,
    );
    await startManager(platform);

    await enqueue(platform, ...Array.from({ length: 200 }, () => makeJob()));
    await until(() => isDrained(platform));

    expect(most).toBeGreaterThan(5);
    expect(most).toBeLessThanOrEqual(20);
  });

  it('keeps the mail of a suspended domain without attempts and goes on when it is resumed', async () => {
    const platform = await open({ suspend: true });
    const agent = await startAgent(platform, 'mailbox');
    await startManager(platform);
    const job = makeJob({
      nextHop: { transport: 'mailbox', domain: 'example.test' },
      mailDomain: 'example.test',
      recipients: [{ final: 'alice@example.test' }],
    });

    await enqueue(platform, job);
    await sleep(1500);
    const whileSuspended = agent.tasks.length;
    await configure(platform.bus, { suspend: false });
    await until(() => isDrained(platform));

    expect(whileSuspended).toBe(0);
    expect(agent.count(job.jobId)).toBe(1);
  });

  it('parks a flood of one destination so that ACTIVE does not fill', async () => {
    const platform = await open();
    await startManager(platform);
    const flood = Array.from({ length: 1500 }, () => makeJob());

    await enqueue(platform, ...flood);
    const { bus } = platform;
    await until(async () => (await bus.manager.streams.info(bus.names.deferStream(0))).state.messages > 400);
    const agent = await startAgent(platform, 'smtp');
    await until(() => isDrained(platform), 40_000);

    expect(new Set(agent.tasks.map((task) => task.job.jobId)).size).toBe(1500);
    expect(agent.tasks).toHaveLength(1500);
  });

  it('moves jobs that stay long in ACTIVE to DEFER so that the floor does not lag', async () => {
    const platform = await open();
    await startManager(platform, ['--park-after', '1s']);
    const job = makeJob();

    await enqueue(platform, job);
    await until(async () => (await readDefer(platform, job))?.state === 'active');
    const { bus } = platform;
    await until(async () => (await bus.manager.streams.info(bus.names.activeStream(0))).state.messages === 0);
    const agent = await startAgent(platform, 'smtp');
    await until(() => isDrained(platform));

    expect(agent.count(job.jobId)).toBe(1);
  });

  it('asks nobody else while an agent takes its time to answer', async () => {
    const platform = await open();
    const { connection, names } = platform.bus;
    const job = makeJob();
    let asked = 0;
    connection.subscribe(names.agentSubject('smtp'), {
      callback: (_, request) => {
        if (!request.string().includes(job.jobId)) return;
        asked += 1;
        // Longer than the period in which owners look for silent agents, shorter than the wait for an answer.
        setTimeout(() => {
          const accepted = [job.jobId];
          request.respond(JSON.stringify({ version: 1, worker: 'slow', accepted, freeSlots: 1 }));
          asked += 100;
        }, 1800);
      },
    });
    await startManager(platform);

    await enqueue(platform, job);
    await until(() => asked >= 100);

    expect(asked).toBe(101);
  });

  it('gives the job of an agent that fell silent to another', async () => {
    const platform = await open();
    const first = await startAgent(platform, 'smtp', () => new Promise(() => undefined));
    const manager = await startManager(platform);
    const job = makeJob();

    await enqueue(platform, job);
    await until(() => first.count(job.jobId) === 1);
    await first.die();
    const second = await startAgent(platform, 'smtp');
    await until(() => isDrained(platform));

    expect(second.count(job.jobId)).toBe(1);
    expect(manager.events.find((each) => each.event === 'redispatched')?.['queueId']).toBe(job.queueId);
  });

  it('moves a job whose content is missing to CORRUPT unless the journal says that it is settled', async () => {
    const platform = await open();
    await startAgent(platform, 'smtp', () => ({ recipients: [], content: 'gone' }));
    const manager = await startManager(platform);
    const job = makeJob();

    await enqueue(platform, job);
    await manager.waitForEvent('body-missing');
    await until(() => isDrained(platform));

    const { bus } = platform;
    expect((await bus.manager.streams.info(bus.names.corruptStream)).state.messages).toBe(1);
    expect(await journalKinds(platform, job.queueId)).toEqual([]);
  });

  it('drops a job without content whose originals an earlier generation finished under another configuration', async () => {
    const platform = await open();
    await startAgent(platform, 'smtp', () => ({ recipients: [], content: 'gone' }));
    const manager = await startManager(platform);
    const settled = makeJob({ recipients: [{ final: 'new-alias@partner.test' }] });
    const { queueId } = settled;
    const earlier = openJournalWriter(platform.store, { generation: 0, shard: 3, epoch: 1 });
    const fact = { queueId, orig: 0, kind: 'delivered' as const, run: 'before', n: 2 };
    await earlier.append([{ ...fact, final: 'a@old.test' }], {});
    await earlier.append([{ ...fact, final: 'b@old.test' }], {});
    await earlier.close();
    const halfDone = makeJob({ recipients: [{ final: 'half@partner.test' }] });
    const half = openJournalWriter(platform.store, { generation: 0, shard: 4, epoch: 1 });
    await half.append([{ ...fact, queueId: halfDone.queueId, final: 'a@old.test' }], {});
    await half.close();

    await enqueue(platform, settled, halfDone);
    const corrupt = await manager.waitForEvent('body-missing');
    await until(() => isDrained(platform));

    const { bus } = platform;
    expect(corrupt['queueId']).toBe(halfDone.queueId);
    expect((await bus.manager.streams.info(bus.names.corruptStream)).state.messages).toBe(1);
  });
});

it('moves a record that is no job to CORRUPT and goes on', async () => {
  const platform = await open();
  const agent = await startAgent(platform, 'smtp');
  const manager = await startManager(platform);
  const { bus } = platform;
  const job = makeJob();

  await bus.jetstream.publish(bus.names.activeSubject(0, 'smtp:x.test', 'nonsense'), 'nonsense');
  await enqueue(platform, job);
  await manager.waitForEvent('record-corrupt');
  await until(() => isDrained(platform));

  expect((await bus.manager.streams.info(bus.names.corruptStream)).state.messages).toBe(1);
  expect(agent.count(job.jobId)).toBe(1);
});
