/** Owners that do not know who has a job call the roll (durability rules 8 and 9): nobody gets it before every agent has spoken. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandmadeAgent } from './handmade-agent.ts';
import {
  type TestPlatform,
  delivered,
  enqueue,
  isDrained,
  journalKinds,
  makeJob,
  makeStreams,
  openPlatform,
  startAgent,
  startManager,
  until,
} from './harness.ts';

let server: NatsServer;
let platform: TestPlatform;

beforeEach(async () => {
  server = await startNatsServer();
  platform = await openPlatform(server);
});
afterEach(async () => {
  await platform.close();
  await server.stop();
});

/** Longer than a dispatch waits for its answer and a heartbeat more; shorter than a silent agent is waited for. */
const suspicionMs = 5000;

describe('a dispatch without an answer', () => {
  it('goes to nobody else while an agent that may have it is silent', async () => {
    const mute = new HandmadeAgent(platform);
    await mute.appear();
    const taken = mute.takeOne(false);
    await startManager(platform);
    const job = makeJob();
    await enqueue(platform, job);
    await taken;
    const other = await startAgent(platform, 'smtp', delivered);

    await sleep(suspicionMs);
    mute.isCutOff = false;
    await mute.reportDelivered();
    await until(() => isDrained(platform));

    expect(other.tasks).toHaveLength(0);
    expect(await journalKinds(platform, job.queueId)).toEqual(['delivered']);
  }, 60_000);

  it('goes to another as soon as everybody has said that it has not got it', async () => {
    const forgetful = new HandmadeAgent(platform);
    await forgetful.appear();
    const taken = forgetful.takeOne(false);
    await startManager(platform);
    await enqueue(platform, makeJob());
    await taken;
    forgetful.jobs.length = 0;
    forgetful.isCutOff = false;

    const other = await startAgent(platform, 'smtp', delivered);
    await until(() => isDrained(platform));

    expect(other.tasks).toHaveLength(1);
  }, 60_000);
});

it('a job that an agent no longer has comes back although its word of that was lost', async () => {
  const forgetful = new HandmadeAgent(platform);
  await forgetful.appear();
  const taken = forgetful.takeOne(true);
  await startManager(platform);
  await enqueue(platform, makeJob());
  await taken;
  forgetful.jobs.length = 0;

  const other = await startAgent(platform, 'smtp', delivered);
  await until(() => isDrained(platform));

  expect(other.tasks).toHaveLength(1);
}, 60_000);

describe('a new owner', () => {
  it('gives nobody what an agent has although NATS has forgotten who had it', async () => {
    const agent = new HandmadeAgent(platform);
    await agent.appear();
    const taken = agent.takeOne(true);
    const first = await startManager(platform);
    const job = makeJob();
    await enqueue(platform, job);
    await taken;
    await first.kill();
    // A server that was killed has forgotten how far the consumer was.
    const { bus } = platform;
    await bus.manager.consumers.delete(bus.names.activeStream(0), 'queue-manager');
    await makeStreams(bus, 1, 1);
    const other = await startAgent(platform, 'smtp', delivered);

    agent.isCutOff = true;
    const second = await startManager(platform);
    await second.waitForEvent('shard-taken');
    await sleep(suspicionMs);
    agent.isCutOff = false;
    await agent.reportDelivered();
    await until(() => isDrained(platform));

    expect(other.tasks).toHaveLength(0);
    expect(await journalKinds(platform, job.queueId)).toEqual(['delivered']);
  }, 60_000);

  it('waits for an agent that is cut off, of which presence tells', async () => {
    const agent = new HandmadeAgent(platform);
    await agent.appear();
    const taken = agent.takeOne(true);
    const first = await startManager(platform);
    await enqueue(platform, makeJob());
    await taken;
    agent.isCutOff = true;
    await first.kill();
    const other = await startAgent(platform, 'smtp', delivered);

    const second = await startManager(platform);
    await second.waitForEvent('shard-taken');
    await sleep(suspicionMs);
    agent.isCutOff = false;
    await agent.reportDelivered();
    await until(() => isDrained(platform));

    expect(other.tasks).toHaveLength(0);
  }, 60_000);
});
