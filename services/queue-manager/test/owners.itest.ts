/** Owners of shards: sharing, takeover after kill -9, a paused owner that wakes up deposed, death of NATS. Short times throughout. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, openFence } from '@railpost/bus';
import {
  type DeliveryJob,
  type DeliveryOutcome,
  OutcomeAcknowledgement,
  type RecipientOutcome,
  encodeRecord,
} from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import {
  type TestPlatform,
  bounced,
  control,
  deferred,
  delivered,
  enqueue,
  isDrained,
  journalKinds,
  leaseTtlMs,
  makeJob,
  readDefer,
  readJournal,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { openOwnPlatform } from './platforms.ts';

/** Names of the owners of all shards, as they answer control requests; undefined for a shard without one. */
async function ownersOf(platform: TestPlatform): Promise<(string | undefined)[]> {
  const { bus, shards } = platform;
  return Promise.all(
    Array.from({ length: shards }, async (_, shard) => {
      const request = encodeRecord({ operation: 'statistics' });
      const answer = await ask(bus, bus.names.controlSubject(shard), request, 1000);
      if (!(answer instanceof Uint8Array)) return undefined;
      const reply: unknown = JSON.parse(Buffer.from(answer).toString());
      return typeof reply === 'object' && reply !== null && 'owner' in reply
        ? String(reply.owner)
        : undefined;
    }),
  );
}

async function journalKeys(platform: TestPlatform): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of platform.store.list('journal/')) keys.push(key);
  return keys;
}

async function sharesOf(platform: TestPlatform): Promise<number[]> {
  const counts = new Map<string, number>();
  for (const owner of await ownersOf(platform))
    if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts.values()].sort((left, right) => left - right);
}

describe('two owners', () => {
  it('share four shards, and the survivor of a kill -9 owns all and goes on', async () => {
    const platform = await openOwnPlatform({ shards: 4 });
    const agent = await startAgent(platform, 'smtp', async (task) => {
      await sleep(5);
      return delivered(task);
    });
    const first = await startManager(platform);
    await until(async () => (await sharesOf(platform)).join() === '4');
    await startManager(platform);
    await until(async () => (await sharesOf(platform)).join() === '2,2');

    const jobs = Array.from({ length: 400 }, (_, index) =>
      makeJob({ nextHop: { transport: 'smtp', mx: `d${index % 40}.test` } }),
    );
    await enqueue(platform, ...jobs.slice(0, 200));
    await first.kill();
    await enqueue(platform, ...jobs.slice(200));
    await until(async () => (await sharesOf(platform)).join() === '4');
    await until(() => isDrained(platform), 60_000);

    expect((await readJournal(platform)).length).toBe(400);
    expect(new Set(agent.tasks.map((task) => task.job.jobId)).size).toBe(400);
    expect(agent.tasks).toHaveLength(400);
  }, 120_000);
});

describe('a new owner', () => {
  it('goes on with deferred jobs and their tries after kill -9', async () => {
    const platform = await openOwnPlatform({ backoff: { minimum: '3s', maximum: '6s' } });
    let isUp = false;
    const agent = await startAgent(platform, 'smtp', (task) => (isUp ? delivered(task) : deferred(task)));
    const first = await startManager(platform);
    const jobs = Array.from({ length: 50 }, (_, index) =>
      makeJob({ nextHop: { transport: 'smtp', mx: `d${index}.test` } }),
    );
    await enqueue(platform, ...jobs);
    await until(
      async () => (await control(platform, { operation: 'statistics' })).statistics?.deferred === 50,
    );

    await first.kill();
    isUp = true;
    await startManager(platform);
    await until(() => isDrained(platform));

    expect(agent.tasks).toHaveLength(100);
    expect(agent.tasks.slice(50).every((task) => task.tries === 1)).toBe(true);
  }, 90_000);

  it('does not give to another what an agent of the former owner has in hand', async () => {
    const platform = await openOwnPlatform();
    const agent = await startAgent(platform, 'smtp', async (task) => {
      await sleep(6000);
      return delivered(task);
    });
    const first = await startManager(platform);
    const job = makeJob();
    await enqueue(platform, job);
    await until(() => agent.tasks.length === 1);

    await first.kill();
    await startManager(platform);
    await until(() => isDrained(platform), 60_000);

    expect(agent.tasks).toHaveLength(1);
    expect(await journalKinds(platform, job.queueId)).toEqual(['delivered']);
  }, 90_000);

  it('has a success reported whose agent was faster than ACTIVE', async () => {
    const platform = await openServedPlatform();
    const bounce = await startAgent(platform, 'bounce');
    const job = makeJob({ recipients: [{ final: 'a@p.test', notify: ['SUCCESS'] }] });
    const { jobId, queueId } = job;
    const tell = () => tellOutcome(platform, job, [{ disposition: 'delivered', successReport: 'relayed' }]);

    const early = await tell();
    await enqueue(platform, job);
    await until(() => isDrained(platform));
    const afterwards = await tell();

    expect([early, afterwards]).toEqual([[], [jobId]]);
    expect(bounce.tasks.map(({ task, report }) => [task, report?.outcomes[0]?.successReport])).toEqual([
      ['success', 'relayed'],
    ]);
    expect(await journalKinds(platform, queueId)).toEqual(['delivered']);
  });

  it('has a failure repeated whose job comes while the owner writes down what else was said', async () => {
    const platform = await openServedPlatform();
    const job = makeJob({ recipients: [{ final: 'good@p.test' }, { final: 'bad@p.test' }] });

    // The journal takes longer than ACTIVE.
    const told = tellOutcome(platform, job, [{ disposition: 'delivered' }, { disposition: 'bounced' }]);
    await enqueue(platform, job);

    expect(await told).toEqual([]);
    expect(await journalKinds(platform, job.queueId)).toEqual(['delivered']);
  });

  it('has a success reported whose job comes while the owner writes it down', async () => {
    const platform = await openServedPlatform();
    const bounce = await startAgent(platform, 'bounce');
    const job = makeJob({ recipients: [{ final: 'a@p.test', notify: ['SUCCESS'] }] });
    const tell = () => tellOutcome(platform, job, [{ disposition: 'delivered', successReport: 'relayed' }]);

    // The journal takes longer than ACTIVE.
    const told = tell();
    await enqueue(platform, job);

    expect(await told).toEqual([]);
    await until(() => bounce.tasks.some(({ task }) => task === 'success'));
    await until(async () => (await tell()).includes(job.jobId));
    expect([...new Set(await journalKinds(platform, job.queueId))]).toEqual(['delivered']);
  });

  it('drops what the journal calls finished, in DEFER and in ACTIVE', async () => {
    const platform = await openOwnPlatform();
    const agent = await startAgent(platform, 'smtp', delivered);
    const job = makeJob();
    const first = await startManager(platform, ['--crash-at', 'queue.journalled-before-ack']);
    await enqueue(platform, job);
    await first.exited;
    const attempts = agent.tasks.length;

    await startManager(platform);
    await until(() => isDrained(platform), 60_000);

    expect([attempts, agent.tasks.length]).toEqual([1, 1]);
    expect(await journalKinds(platform, job.queueId)).toEqual(['delivered']);
  }, 90_000);
});

/** A platform whose shard has an owner that answers. */
async function openServedPlatform(): Promise<TestPlatform> {
  const platform = await openOwnPlatform();
  await startManager(platform);
  await until(async () => (await ownersOf(platform))[0] !== undefined);
  return platform;
}

/** Tells the owner what became of a job's recipients, as an agent does. Resolves with the ids of the settled jobs. */
async function tellOutcome(
  { bus }: TestPlatform,
  { jobId, queueId, destination, recipients }: DeliveryJob,
  results: readonly Pick<RecipientOutcome, 'disposition' | 'successReport'>[],
): Promise<readonly string[]> {
  const outcome: DeliveryOutcome = {
    ...{ version: 1, jobId, queueId, destination, task: 'deliver' },
    recipients: results.map((result, index) => {
      const { orig = 0, final = '', run = '', n = 1 } = recipients[index] ?? {};
      return { orig, final, run, n, status: { code: '2.0.0', text: 'said' }, relay: 'test', ...result };
    }),
    ...{ content: 'read', isOwnFault: false, isDestinationFault: false },
  };
  const frame = encodeRecord({ version: 1, shard: 0, worker: 'w', outcomes: [outcome] });
  const answer = await ask(bus, bus.names.outcomeSubject(0), frame, 2000);
  if (!(answer instanceof Uint8Array)) return [];
  return OutcomeAcknowledgement.parse(JSON.parse(Buffer.from(answer).toString())).settled;
}

describe('a journal that was rolled up', () => {
  it('tells the next owner what is done', async () => {
    const platform = await openOwnPlatform();
    const agent = await startAgent(platform, 'smtp', delivered);
    const first = await startManager(platform, ['--journal-roll-up', '300ms']);
    const jobs = Array.from({ length: 5 }, () => makeJob());
    for (const job of jobs) {
      await enqueue(platform, job);
      // Settled, so each has a journal object of its own.
      await until(async () => agent.count(job.jobId) === 1 && (await isDrained(platform)));
    }
    await until(async () => {
      const keys = await journalKeys(platform);
      return keys.some((key) => key.includes('~')) && keys.filter((key) => !key.includes('~')).length === 1;
    });

    await first.kill();
    const next = await startManager(platform, ['--journal-roll-up', '300ms']);
    await next.waitForEvent('shard-taken');
    // As cleanup does that died before it acknowledged: the same jobs once more.
    await enqueue(platform, ...jobs.map((job) => ({ ...job, attempt: 1 })));
    await until(() => isDrained(platform));

    const taken = next.events.find((each) => each.event === 'shard-taken');
    expect(taken?.['journalled']).toBeGreaterThanOrEqual(jobs.length);
    expect(agent.tasks).toHaveLength(jobs.length);
    expect(new Set((await readJournal(platform)).map(({ queueId }) => queueId)).size).toBe(jobs.length);
  }, 60_000);
});

describe('a deposed owner', () => {
  it('that was paused writes, dispatches and answers nothing when it wakes up', async () => {
    const platform = await openOwnPlatform({ backoff: { minimum: '1s', maximum: '1s' } });
    let isUp = false;
    const agent = await startAgent(platform, 'smtp', (task) => (isUp ? delivered(task) : deferred(task)));
    const paused = await startManager(platform);
    const jobs = Array.from({ length: 20 }, () => makeJob());
    await enqueue(platform, ...jobs);
    await until(
      async () => (await control(platform, { operation: 'statistics' })).statistics?.deferred === 20,
    );

    process.kill(paused.pid, 'SIGSTOP');
    const next = await startManager(platform);
    await next.waitForEvent('shard-taken');
    const epochs = next.events.find((each) => each.event === 'shard-taken')?.['epoch'];
    isUp = true;
    await until(() => isDrained(platform));
    const tasksBefore = agent.tasks.length;
    process.kill(paused.pid, 'SIGCONT');
    await paused.waitForEvent('shard-left');
    await sleep(1500);

    const { bus } = platform;
    const present = await bus.manager.streams.getMessage(bus.names.deferStream(0), {
      last_by_subj: bus.names.epochSubject(0),
    });
    expect(present?.seq).toBe(epochs);
    expect(agent.tasks).toHaveLength(tasksBefore);
    expect((await readJournal(platform)).length).toBe(20);
    expect(await isDrained(platform)).toBe(true);
  }, 90_000);

  it('ends its term when another has moved the fence, and takes over from zero', async () => {
    const platform = await openOwnPlatform({ backoff: { minimum: '1s', maximum: '1s' } });
    await startAgent(platform, 'smtp', deferred);
    const manager = await startManager(platform);
    await manager.waitForEvent('shard-taken');
    await (await openFence(platform.bus, 0, 'intruder')).claim();

    const job = makeJob();
    await enqueue(platform, job);
    await manager.waitForEvent('shard-left');
    await until(() => manager.events.filter((each) => each.event === 'shard-taken').length === 2);
    await until(async () => (await readDefer(platform, job)) !== undefined, 60_000);

    const left = manager.events.find((each) => each.event === 'shard-left');
    expect(String(left?.['cause'])).toMatch(/deposed|another owner/);
  }, 90_000);
});

describe('when NATS dies', () => {
  it('nothing is lost or delivered twice by owners and agents that live on', async () => {
    const platform = await openOwnPlatform();
    const agent = await startAgent(platform, 'smtp', async (task) => {
      await sleep(50);
      return task.job.recipients[0]?.final.startsWith('bad') === true ? bounced(task) : delivered(task);
    });
    await startAgent(platform, 'bounce');
    await startManager(platform);
    const jobs = Array.from({ length: 300 }, (_, index) =>
      makeJob({
        nextHop: { transport: 'smtp', mx: `d${index % 10}.test` },
        recipients: [{ final: index % 10 === 0 ? `bad${index}@x.test` : `good${index}@x.test` }],
      }),
    );
    await enqueue(platform, ...jobs);
    await until(() => agent.tasks.length > 50);

    await platform.server.restart();
    await until(() => isDrained(platform).catch(() => false), 60_000);

    const journal = await readJournal(platform);
    const finals = journal.map((entry) => entry.final);
    expect(new Set(finals).size).toBe(300);
    expect(journal.filter((entry) => entry.kind === 'bounced')).toHaveLength(30);
    expect(agent.tasks.length - new Set(agent.tasks.map((task) => task.job.jobId)).size).toBe(0);
  }, 120_000);
});

it('serves the shards whose streams exist, whatever the setting says', async () => {
  const platform = await openOwnPlatform({ shards: 3 });
  await startAgent(platform, 'smtp', delivered);
  const jobs = Array.from({ length: 12 }, (_, index) =>
    makeJob({ nextHop: { transport: 'smtp', mx: `d${index}.test` } }),
  );
  await enqueue(platform, ...jobs);
  // The number of shards was lowered: it says where cleanup writes, and nothing of what is there already.
  await startManager(platform, ['--shards', '1']);
  await until(() => isDrained(platform), 60_000);

  expect(new Set((await readJournal(platform)).map(({ queueId }) => queueId)).size).toBe(12);
}, 120_000);

it('hands its shards over at SIGTERM faster than the lease would expire', async () => {
  const platform = await openOwnPlatform();
  const first = await startManager(platform);
  await first.waitForEvent('shard-taken');
  const second = await startManager(platform);
  const stoppedAt = performance.now();
  const exit = await first.stop();

  await second.waitForEvent('shard-taken');

  expect(exit.code).toBe(0);
  expect(performance.now() - stoppedAt).toBeLessThan(leaseTtlMs);
});
