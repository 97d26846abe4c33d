/** What an agent does with its jobs while nobody listens to outcomes: it would deliver twice what it delivers before it dies. */
import { randomBytes } from 'node:crypto';
import { type Bus, connectBus } from '@railpost/bus';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Agent } from '../src/index.ts';
import { type ScriptedOwner, makeJob, startScriptedOwner } from './scripted-owner.ts';
import { delivered, startTestAgent } from './test-agent.ts';

let server: NatsServer;
let owner: ScriptedOwner;
let bus: Bus;
let agent: Agent | undefined;

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(() => server.stop());

beforeEach(async () => {
  const prefix = `ru${randomBytes(4).toString('hex')}`;
  owner = await startScriptedOwner(server, prefix);
  bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], prefix, name: 'agent' });
});

afterEach(async () => {
  await agent?.stop();
  await bus.close();
  await owner.close();
});

async function startAgent() {
  const started = await startTestAgent(bus);
  agent = started.agent;
  return started.tasks;
}

describe('while nobody listens to outcomes', () => {
  it('a commit waits until an owner speaks', async () => {
    const tasks = await startAgent();
    await owner.dispatch('smtp', [makeJob('j1'), makeJob('j2')]);
    owner.leave();
    await owner.bus.connection.flush();
    tasks[0]?.end(delivered);
    await vi.waitFor(() => expect(owner.heartbeats.at(-1)?.jobs[0]).toMatchObject({ phase: 'reporting' }));

    let isAdmitted = false;
    const commit = tasks[1]?.task.mayCommit().then(() => {
      isAdmitted = true;
    });
    const seen = owner.heartbeats.length;
    await vi.waitFor(() => expect(owner.heartbeats.length).toBeGreaterThan(seen + 2));
    expect(isAdmitted).toBe(false);
    expect(owner.heartbeats.at(-1)?.jobs[1]).toMatchObject({ jobId: 'j2', phase: 'accepted' });

    owner.comeBack();
    await owner.dispatch('smtp', [makeJob('j3')]);
    await commit;
    for (const { end } of tasks.slice(1)) end(delivered);
  });

  it('a batch goes back, but for what has begun', async () => {
    const tasks = await startAgent();
    await owner.dispatchBatch(
      'smtp',
      ['j1', 'j2', 'j3', 'j4'].map((id) => makeJob(id)),
      2,
    );

    owner.leave();
    await owner.bus.connection.flush();
    tasks[0]?.end(delivered);
    // One more begins before anybody can know.
    await vi.waitFor(() => expect(tasks).toHaveLength(3));
    await vi.waitFor(() => {
      tasks[1]?.end(delivered);
      tasks[2]?.end(delivered);
      expect(owner.heartbeats.at(-1)?.jobs).toMatchObject([
        { jobId: 'j1', phase: 'reporting' },
        { jobId: 'j2', phase: 'reporting' },
        { jobId: 'j3', phase: 'reporting' },
      ]);
    });
    expect(tasks).toHaveLength(3);

    owner.comeBack();
    const again = await owner.dispatch('smtp', [makeJob('j4')]);
    expect(again.accepted).toEqual(['j4']);
    // What is owed is told at once, not when it is to be repeated.
    await vi.waitFor(() => expect(owner.heartbeats.at(-1)?.jobs).toMatchObject([{ jobId: 'j4' }]), 1000);
    tasks[3]?.end(delivered);
  });
});
