/** What the owner gives to agents ahead of time, and what it takes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DispatchFrame, parseRecord } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import {
  type TestPlatform,
  deferred,
  delivered,
  enqueue,
  isDrained,
  makeJob,
  readJournal,
  startAgent,
  startManager,
  until,
} from './harness.ts';
import { shareServer } from './platforms.ts';

const openPlatform = shareServer();
const open = (): Promise<TestPlatform> => openPlatform({ backoff: { minimum: '1s', maximum: '1s' } });

/** Reads along what agents are asked. */
function listenToFrames(platform: TestPlatform): DispatchFrame[] {
  const frames: DispatchFrame[] = [];
  platform.bus.connection.subscribe(platform.bus.names.agentSubject('smtp'), {
    callback: (_, request) => {
      frames.push(DispatchFrame.parse(parseRecord(request.data)));
    },
  });
  return frames;
}

describe('jobs given ahead', () => {
  it('follow each other at the agents of a fast destination, and no more run than its window allows', async () => {
    const platform = await open();
    const frames = listenToFrames(platform);
    let running = 0;
    let most = 0;
    const deliver = async (task: Parameters<typeof delivered>[0]) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(1);
      running -= 1;
      return delivered(task);
    };
    for (let count = 0; count < 3; count += 1) await startAgent(platform, 'smtp', deliver, 200);
    await startManager(platform);

    let jobs = 0;
    // What is fast depends on the machine, too.
    while (!frames.some((frame) => frame.jobs.some((job) => job.batch !== undefined)) && jobs < 3000) {
      await enqueue(platform, ...Array.from({ length: 300 }, () => makeJob()));
      jobs += 300;
      await until(() => isDrained(platform), 50_000);
    }

    expect(jobs).toBeLessThan(3000);
    expect(most).toBeLessThanOrEqual(20);
    expect(await readJournal(platform)).toHaveLength(jobs);
  });

  it('are few for a slow destination', async () => {
    const platform = await open();
    const frames = listenToFrames(platform);
    await startAgent(platform, 'smtp', async (task) => {
      await sleep(500);
      return delivered(task);
    });
    await startManager(platform);

    await enqueue(platform, ...Array.from({ length: 60 }, () => makeJob()));
    await until(() => isDrained(platform), 50_000);

    expect(frames.flatMap((frame) => frame.jobs).filter((job) => job.batch !== undefined)).toEqual([]);
  });

  it('are shared among the agents that there are', async () => {
    const platform = await open();
    const deliver = async (task: Parameters<typeof delivered>[0]) => {
      await sleep(5);
      return delivered(task);
    };
    const agents = [];
    for (let count = 0; count < 3; count += 1) agents.push(await startAgent(platform, 'smtp', deliver));
    await startManager(platform);

    // Who gets a batch is chance: so many that nobody is left out by it.
    await enqueue(platform, ...Array.from({ length: 1500 }, () => makeJob()));
    await until(() => isDrained(platform), 50_000);

    for (const agent of agents) expect(agent.tasks.length).toBeGreaterThan(10);
  });

  it('come back when the destination fails, and each is delivered once in the end', async () => {
    const platform = await open();
    let contacts = 0;
    const deliveredIds: string[] = [];
    await startAgent(platform, 'smtp', async (task) => {
      await sleep(1);
      contacts += 1;
      // Up, then gone for a while, then back.
      if (contacts > 100 && contacts <= 120) return { ...deferred(task), isDestinationFault: true };
      deliveredIds.push(task.job.jobId);
      return delivered(task);
    });
    const manager = await startManager(platform);

    await enqueue(platform, ...Array.from({ length: 300 }, () => makeJob()));
    await until(() => isDrained(platform), 50_000);

    expect(manager.events.filter((each) => each.event === 'redispatched')).toEqual([]);
    expect(deliveredIds).toHaveLength(300);
    expect(new Set(deliveredIds).size).toBe(300);
  });
});
