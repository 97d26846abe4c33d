/** Owners that do not know who has a job call the roll (durability rules 8 and 9): nobody gets it before every agent has spoken. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryJob } from '@railpost/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { HandmadeAgent } from './handmade-agent.ts';
import {
  type TestAgent,
  type TestPlatform,
  delivered,
  enqueue,
  isDrained,
  journalKinds,
  makeJob,
  makeStreams,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { openOwnPlatform } from './platforms.ts';

let platform: TestPlatform;

beforeEach(async () => {
  platform = await openOwnPlatform();
});

/** Longer than a dispatch waits for its answer and a heartbeat more; shorter than a silent agent is waited for. */
const suspicionMs = 5000;

/** An agent that has a job in hand, of an owner that knows it or (`isAnswered` false) has not heard the answer. */
async function takeJob({ isAnswered }: { readonly isAnswered: boolean }) {
  const agent = new HandmadeAgent(platform);
  await agent.appear();
  const taken = agent.takeOne(isAnswered);
  const owner = await startManager(platform);
  const job = makeJob();
  await enqueue(platform, job);
  await taken;
  return { agent, owner, job };
}

/** The agent speaks after a while; until then, and afterwards, the job is its own. */
async function expectNobodyElseAsked(
  { agent, job }: { readonly agent: HandmadeAgent; readonly job: DeliveryJob },
  other: TestAgent,
): Promise<void> {
  await sleep(suspicionMs);
  agent.isCutOff = false;
  await agent.reportDelivered();
  await until(() => isDrained(platform));
  expect(other.tasks).toHaveLength(0);
  expect(await journalKinds(platform, job.queueId)).toEqual(['delivered']);
}

async function expectAnotherAsked(): Promise<void> {
  const other = await startAgent(platform, 'smtp', delivered);
  await until(() => isDrained(platform));
  expect(other.tasks).toHaveLength(1);
}

describe('a dispatch without an answer', () => {
  it('goes to nobody else while an agent that may have it is silent', async () => {
    const taken = await takeJob({ isAnswered: false });

    const other = await startAgent(platform, 'smtp', delivered);

    await expectNobodyElseAsked(taken, other);
  }, 60_000);

  it('goes to another as soon as everybody has said that it has not got it', async () => {
    const { agent } = await takeJob({ isAnswered: false });

    agent.jobs.length = 0;
    agent.isCutOff = false;

    await expectAnotherAsked();
  }, 60_000);
});

it('a job that an agent no longer has comes back although its word of that was lost', async () => {
  const { agent } = await takeJob({ isAnswered: true });

  agent.jobs.length = 0;

  await expectAnotherAsked();
}, 60_000);

describe('a new owner', () => {
  it('gives nobody what an agent has although NATS has forgotten who had it', async () => {
    const taken = await takeJob({ isAnswered: true });
    await taken.owner.kill();
    // A server that was killed has forgotten how far the consumer was.
    const { bus } = platform;
    await bus.manager.consumers.delete(bus.names.activeStream(0), 'queue-manager');
    await makeStreams(bus, 1, 1);
    const other = await startAgent(platform, 'smtp', delivered);

    taken.agent.isCutOff = true;
    await (await startManager(platform)).waitForEvent('shard-taken');

    await expectNobodyElseAsked(taken, other);
  }, 60_000);

  it('waits for an agent that is cut off, of which presence tells', async () => {
    const taken = await takeJob({ isAnswered: true });
    taken.agent.isCutOff = true;
    await taken.owner.kill();
    const other = await startAgent(platform, 'smtp', delivered);

    await (await startManager(platform)).waitForEvent('shard-taken');

    await expectNobodyElseAsked(taken, other);
  }, 60_000);
});
