import { randomBytes } from 'node:crypto';
import { type Bus, connectBus } from '@railpost/bus';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Agent, type AgentOptions, type TaskResult } from '../src/index.ts';
import { delivered, startTestAgent } from './test-agent.ts';
import { type ScriptedOwner, makeJob, startScriptedOwner } from './scripted-owner.ts';

let server: NatsServer;
let owner: ScriptedOwner;
let bus: Bus;
let agent: Agent | undefined;
let lines: string[];

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(() => server.stop());

beforeEach(async () => {
  const prefix = `rt${randomBytes(4).toString('hex')}`;
  lines = [];
  owner = await startScriptedOwner(server, prefix);
  bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], prefix, name: 'agent' });
});

afterEach(async () => {
  owner.isAcknowledging = true;
  await agent?.stop();
  agent = undefined;
  await bus.close();
  await owner.close();
});

/** An agent whose deliveries the test ends by hand. */
async function startAgent(options: Partial<AgentOptions> = {}) {
  const started = await startTestAgent(bus, {
    ...options,
    write: (text) => lines.push(...text.trim().split('\n')),
  });
  agent = started.agent;
  return started.tasks;
}

describe('a delivery agent', () => {
  it('accepts as many jobs as it has slots and is busy for the rest', async () => {
    const tasks = await startAgent();

    const reply = await owner.dispatch('smtp', [makeJob('j1'), makeJob('j2'), makeJob('j3')]);

    expect(reply).toMatchObject({ accepted: ['j1', 'j2'], freeSlots: 0 });
    expect(tasks.map(({ task }) => task.job.jobId)).toEqual(['j1', 'j2']);
    for (const each of tasks) each.end(delivered);
  });

  it('reports one outcome with the journal key of each recipient and frees the slot before it is durable', async () => {
    const tasks = await startAgent({ slots: 1 });
    owner.isAcknowledging = false;
    await owner.dispatch('smtp', [makeJob('j1')]);

    tasks[0]?.end(delivered);
    await vi.waitFor(() => expect(owner.outcomes).toHaveLength(1));
    const reply = await owner.dispatch('smtp', [makeJob('j2')]);

    expect(owner.outcomes[0]).toMatchObject({
      jobId: 'j1',
      content: 'read',
      isOwnFault: false,
      recipients: [{ orig: 0, final: 'a@partner.test', run: 'r', n: 1, disposition: 'delivered' }],
    });
    expect(reply.accepted).toEqual(['j2']);
    tasks[1]?.end(delivered);
  });

  it('tells the outcome once more to an owner that asked again before it was settled, and runs nothing twice', async () => {
    const tasks = await startAgent();
    owner.isAcknowledging = false;
    await owner.dispatch('smtp', [makeJob('j1')]);
    tasks[0]?.end(delivered);
    await vi.waitFor(() => expect(owner.outcomes).toHaveLength(1));

    await owner.dispatch('smtp', [makeJob('j1')]);
    owner.isAcknowledging = true;

    // The repeat, which is acknowledged, and the answer to the second question.
    await vi.waitFor(() => expect(owner.outcomes).toHaveLength(3), { timeout: 6000 });
    expect(tasks).toHaveLength(1);
    expect((await owner.dispatch('smtp', [makeJob('j1')])).accepted).toEqual(['j1']);
    await vi.waitFor(() => expect(tasks).toHaveLength(2));
    tasks[1]?.end(delivered);
  });

  it('repeats an outcome until an owner acknowledges it, and lists it in heartbeats meanwhile', async () => {
    const tasks = await startAgent();
    owner.isAcknowledging = false;
    await owner.dispatch('smtp', [makeJob('j1')]);
    tasks[0]?.end(delivered);

    await vi.waitFor(() => expect(owner.outcomes.length).toBeGreaterThanOrEqual(2), { timeout: 6000 });
    expect(owner.heartbeats.at(-1)?.jobs).toMatchObject([{ jobId: 'j1', phase: 'reporting' }]);
    owner.isAcknowledging = true;
    // Heartbeats go on and name nothing: the agent lives.
    await vi.waitFor(() => expect(owner.heartbeats.at(-1)?.jobs).toEqual([]), { timeout: 6000 });

    const count = owner.outcomes.length;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(owner.outcomes).toHaveLength(count);
  });

  it('does not run a job twice that is in hand or being reported', async () => {
    const tasks = await startAgent();
    owner.isAcknowledging = false;
    await owner.dispatch('smtp', [makeJob('j1')]);

    const whileWorking = await owner.dispatch('smtp', [makeJob('j1')]);
    tasks[0]?.end(delivered);
    await vi.waitFor(() => expect(owner.outcomes).toHaveLength(1));
    const whileReporting = await owner.dispatch('smtp', [makeJob('j1')]);

    expect(whileWorking.accepted).toEqual(['j1']);
    expect(whileReporting.accepted).toEqual(['j1']);
    expect(tasks).toHaveLength(1);
  });

  it('refuses the dispatch of a deposed owner and says which epoch it has heard', async () => {
    const tasks = await startAgent();
    owner.announce(200);
    await owner.bus.connection.flush();

    const reply = await owner.dispatch('smtp', [makeJob('j1')], 199);

    expect(reply).toMatchObject({ accepted: [], refusedForEpoch: 200 });
    expect(tasks).toHaveLength(0);
  });

  it('ignores the acknowledgement of a deposed owner', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);
    owner.announce(500);
    await owner.bus.connection.flush();
    owner.epoch = 499;
    tasks[0]?.end(delivered);

    await vi.waitFor(() => expect(owner.outcomes.length).toBeGreaterThanOrEqual(2), { timeout: 6000 });
    owner.epoch = 500;
    const count = owner.outcomes.length;
    await vi.waitFor(() => expect(owner.outcomes.length).toBeGreaterThan(count), { timeout: 6000 });
  });

  it('tells a new owner at once what it has in hand', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);
    const seen = owner.heartbeats.length;

    owner.epoch = 300;
    owner.announce(300);

    await vi.waitFor(() => expect(owner.heartbeats.length).toBeGreaterThan(seen), {
      timeout: 150,
      interval: 5,
    });
    expect(owner.heartbeats.at(-1)?.jobs).toMatchObject([{ jobId: 'j1', phase: 'accepted' }]);
    tasks[0]?.end(delivered);
  });

  it('defers as its own fault when its code throws', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);

    tasks[0]?.fail(new TypeError('a bug'));
    await vi.waitFor(() => expect(owner.outcomes).toHaveLength(1));

    expect(owner.outcomes[0]).toMatchObject({
      isOwnFault: true,
      recipients: [{ disposition: 'deferred', status: { code: '4.3.0' } }],
    });
    expect(JSON.stringify(owner.outcomes[0])).not.toContain('a bug');
    expect(lines.join('\n')).toContain('a bug');
  });

  it('defers a recipient that the agent forgot', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);

    tasks[0]?.end({ recipients: [] });
    await vi.waitFor(() => expect(owner.outcomes).toHaveLength(1));

    expect(owner.outcomes[0]).toMatchObject({ isOwnFault: true, recipients: [{ disposition: 'deferred' }] });
  });

  it('reports a body that is gone without touching recipients', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);

    tasks[0]?.end({ recipients: [], content: 'gone' });
    await vi.waitFor(() => expect(owner.outcomes).toHaveLength(1));

    expect(owner.outcomes[0]).toMatchObject({ content: 'gone', recipients: [], isOwnFault: false });
  });

  it('logs one line per recipient with delay, delays, dsn, relay and status', async () => {
    const tasks = await startAgent();
    const receivedAt = new Date(Date.now() - 3000).toISOString();
    const job = makeJob('j1', { activeAtMs: Date.now() - 1000 });
    await owner.dispatch('smtp', [{ ...job, job: { ...job.job, receivedAt } }]);

    tasks[0]?.end(delivered);
    await vi.waitFor(() => expect(lines).toHaveLength(1));

    const line = JSON.parse(lines[0] ?? '') as { delay: number; delays: number[] };
    expect(line).toMatchObject({
      event: 'disposition',
      queueId: '0000000000000001',
      to: 'a@partner.test',
      relay: 'host[127.0.0.1]:2526',
      dsn: '2.0.0',
      status: 'sent',
    });
    expect(line.delays[0]).toBeCloseTo(2, 0);
    expect(line.delays[1]).toBeCloseTo(1, 0);
    expect(line.delay).toBeCloseTo(3, 0);
  });

  it('says in a heartbeat that the final dot may be on its way', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);

    tasks[0]?.task.beginTransfer();
    await tasks[0]?.task.mayCommit();

    await vi.waitFor(() => expect(owner.heartbeats.at(-1)?.jobs).toMatchObject([{ phase: 'committing' }]));
    tasks[0]?.end(delivered);
  });

  it('tells owners that it lives while it has nothing, and that it leaves', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);
    tasks[0]?.end(delivered);

    await vi.waitFor(() => expect(owner.heartbeats.at(-1)?.jobs).toEqual([]), { timeout: 6000 });
    expect(owner.heartbeats.some(({ isLeaving }) => isLeaving)).toBe(false);
    await agent?.stop();
    await vi.waitFor(() => expect(owner.heartbeats.at(-1)?.isLeaving).toBe(true), { timeout: 6000 });
  });

  it('finishes and reports what is in hand when it stops, and takes nothing new', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1')]);

    const stopping = agent?.stop();
    // Nobody hears it, or it was on its way when the subscription ended and nobody answers: the owner offers it again.
    await expect(owner.dispatch('smtp', [makeJob('j2')])).rejects.toThrow(/no responders|timeout/);
    tasks[0]?.end(delivered);
    await stopping;

    expect(owner.outcomes).toMatchObject([{ jobId: 'j1' }]);
    expect(tasks).toHaveLength(1);
  });
});

describe('rule 9', () => {
  it('refuses the commit of a job while NATS is silent and after it, defers it, and admits jobs taken later', async () => {
    const own = await startNatsServer();
    const prefix = 'silent';
    const silentOwner = await startScriptedOwner(own, prefix);
    await bus.close();
    bus = await connectBus({ servers: [own.url], monitorUrls: [own.monitorUrl], prefix, name: 'agent' });
    const tasks = await startAgent();
    await silentOwner.dispatch('smtp', [makeJob('j1')]);
    await tasks[0]?.task.mayCommit();

    own.pause();
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    const whileSilent = tasks[0]?.task.mayCommit();
    await expect(whileSilent).rejects.toMatchObject({ code: 'COMMIT_REFUSED' });
    own.resume();
    await vi.waitFor(() => expect(bus.lastAnswerAgeMs()).toBeLessThan(1500), { timeout: 10_000 });
    const afterSilence = tasks[0]?.task.mayCommit() ?? Promise.resolve();
    const error = await afterSilence.catch((reason: Error) => reason);
    tasks[0]?.fail(error instanceof Error ? error : new Error('was admitted'));
    await vi.waitFor(() => expect(silentOwner.outcomes.length).toBeGreaterThanOrEqual(1), {
      timeout: 10_000,
    });
    await silentOwner.dispatch('smtp', [makeJob('j2')]);
    await tasks[1]?.task.mayCommit();
    tasks[1]?.end(delivered);

    expect(error).toMatchObject({ code: 'COMMIT_REFUSED' });
    expect(silentOwner.outcomes[0]).toMatchObject({ jobId: 'j1', isOwnFault: true });
    expect(lines.join('\n')).toContain('commit-refused');
    await agent?.stop();
    await silentOwner.close();
    await own.stop();
  }, 60_000);

  it('takes no offer that may have been on its way for longer than its owner waits', async () => {
    const { prefix } = bus.names;
    await bus.close();
    // Without pings nobody can tell how old a message is.
    bus = await connectBus({
      ...{ servers: [server.url], monitorUrls: [server.monitorUrl], prefix, name: 'agent' },
      pingMs: 60_000,
    });
    const tasks = await startAgent();

    const young = await owner.dispatch('smtp', [makeJob('j1')]);
    await vi.waitFor(() => expect(bus.transitAgeMs()).toBeGreaterThan(2500), { timeout: 10_000 });
    const old = await owner.dispatch('smtp', [makeJob('j1'), makeJob('j2')]);

    expect(young.accepted).toEqual(['j1']);
    expect(old.accepted).toEqual(['j1']);
    expect(tasks).toHaveLength(1);
    tasks[0]?.end(delivered);
  });

  it('reports what was delivered while NATS was away once it is back, and runs nothing twice', async () => {
    const own = await startNatsServer();
    const awayOwner = await startScriptedOwner(own, 'away');
    await bus.close();
    bus = await connectBus({
      servers: [own.url],
      monitorUrls: [own.monitorUrl],
      prefix: 'away',
      name: 'agent',
    });
    const tasks = await startAgent();
    await awayOwner.dispatch('smtp', [makeJob('j1')]);

    await own.kill();
    tasks[0]?.end(delivered);
    await own.restart();
    await vi.waitFor(() => expect(awayOwner.outcomes.length).toBeGreaterThanOrEqual(1), { timeout: 15_000 });

    expect(awayOwner.outcomes[0]).toMatchObject({ jobId: 'j1', recipients: [{ disposition: 'delivered' }] });
    expect(tasks).toHaveLength(1);
    await agent?.stop();
    await awayOwner.close();
    await own.stop();
  }, 60_000);
});

describe('a batch of jobs that follow each other', () => {
  const ids = ['j1', 'j2', 'j3', 'j4'];
  const batch = () => ids.map((id) => makeJob(id));
  const unreachable: TaskResult = {
    isDestinationFault: true,
    recipients: [
      {
        index: 0,
        disposition: 'deferred',
        status: { code: '4.4.1', text: 'Connection refused' },
        relay: 'none',
      },
    ],
  };

  it('runs as many as its width says, and the next as soon as one ends', async () => {
    const tasks = await startAgent();

    const reply = await owner.dispatchBatch('smtp', batch(), 1);

    expect(reply.accepted).toEqual(ids);
    expect(reply.widths).toBeUndefined();
    for (const [index, id] of ids.entries()) {
      await vi.waitFor(() => expect(tasks).toHaveLength(index + 1));
      expect(tasks[index]?.task.job.jobId).toBe(id);
      tasks[index]?.end(delivered);
    }
    await vi.waitFor(() => expect(owner.outcomes.map((outcome) => outcome.jobId)).toEqual(ids));
  });

  it('is taken in part by an agent with fewer slots, and said to be narrower', async () => {
    const tasks = await startAgent({ slots: 1 });

    const reply = await owner.dispatchBatch('smtp', batch(), 2);

    expect(reply).toMatchObject({ accepted: ['j1', 'j2'], widths: [1] });
    for (const index of [0, 1]) {
      await vi.waitFor(() => expect(tasks).toHaveLength(index + 1));
      tasks[index]?.end(delivered);
    }
  });

  it('is named in heartbeats as a whole', async () => {
    const tasks = await startAgent();
    await owner.dispatchBatch('smtp', batch(), 1);

    await vi.waitFor(() => expect(owner.heartbeats.at(-1)?.jobs.map((job) => job.jobId)).toEqual(ids));

    for (const index of ids.keys()) {
      await vi.waitFor(() => expect(tasks).toHaveLength(index + 1));
      tasks[index]?.end(delivered);
    }
  });

  it('goes back when the destination fails, but for what has begun', async () => {
    const tasks = await startAgent();
    await owner.dispatchBatch('smtp', batch(), 2);

    tasks[0]?.end(unreachable);

    await vi.waitFor(() => expect(owner.returned).toEqual(['j3', 'j4']));
    expect(tasks).toHaveLength(2);
    const again = await owner.dispatch('smtp', [makeJob('j3')]);
    expect(again.accepted).toEqual(['j3']);
    tasks[1]?.end(delivered);
    tasks[2]?.end(delivered);
  });

  it('goes back when the agent drains, but for what has begun', async () => {
    const tasks = await startAgent();
    await owner.dispatchBatch('smtp', batch(), 1);

    const stopped = agent?.stop();
    await vi.waitFor(() => expect(owner.returned).toEqual(['j2', 'j3', 'j4']));
    tasks[0]?.end(delivered);
    await stopped;

    expect(owner.outcomes.map((outcome) => outcome.jobId)).toEqual(['j1']);
    expect(tasks).toHaveLength(1);
  });
});
