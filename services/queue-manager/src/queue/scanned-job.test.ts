/** Jobs found at takeover behave as any other, and keep their numbers apart from each other's. */
import { describe, expect, it } from 'vitest';
import { Destinations } from './destinations.ts';
import { type ScannedFacts, ScannedJobs } from './scanned-job.ts';

const destinations = new Destinations(() => ({ initial: 5, limit: 20 }) as never);

function factsOf(number: number): ScannedFacts {
  return {
    jobId: `job-${number}`,
    queueId: `message-${number}`,
    destination: destinations.at('partner', 'smtp'),
    ...{ state: 'deferred', task: 'deliver', tries: 2 },
    receivedAtMs: 1_790_000_000_000 + number,
    nextMs: 1_790_000_300_000 + number,
    deferSequence: 3 * 2 ** 40 + number,
  };
}

describe('a job found at takeover', () => {
  it('says what the scan said, however many there are', () => {
    const jobs = new ScannedJobs(7);
    const made = Array.from({ length: 2000 }, (_, number) => jobs.add(factsOf(number)));

    for (const [number, job] of made.entries()) {
      const { receivedAtMs, nextMs, deferSequence } = factsOf(number);
      expect([job.jobId, job.stage, job.mayBeElsewhere, job.tries]).toEqual([
        `job-${number}`,
        'waiting',
        true,
        2,
      ]);
      expect([job.receivedAtMs, job.nextMs, job.deferSequence]).toEqual([
        receivedAtMs,
        nextMs,
        deferSequence,
      ]);
    }
  });

  it('has nothing in hand, and entered the schedule when the scan was made', () => {
    const job = new ScannedJobs(7).add(factsOf(1));

    expect([job.active, job.record, job.batch, job.work]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(job.wasSuspended).toBe(false);
    expect(job.activeAtMs).toBe(7);
  });

  it('keeps what is set, and no other job sees it', () => {
    const jobs = new ScannedJobs(7);
    const [job, other] = [jobs.add(factsOf(1)), jobs.add(factsOf(2))];
    const work = Promise.resolve();

    job.nextMs = 5;
    job.deferSequence = 6;
    job.work = work;
    job.wasSuspended = true;
    job.activeAtMs = 8;

    expect([job.nextMs, job.deferSequence, job.work, job.wasSuspended, job.activeAtMs]).toEqual([
      5,
      6,
      work,
      true,
      8,
    ]);
    expect([other.nextMs, other.deferSequence]).toEqual([factsOf(2).nextMs, factsOf(2).deferSequence]);
    expect([other.work, other.wasSuspended, other.activeAtMs]).toEqual([undefined, false, 7]);
  });

  it('keeps state, stage, task and tries apart in the number that they share', () => {
    const states = ['active', 'deferred', 'held', 'bouncing', 'reporting'] as const;
    const stages = ['waiting', 'due', 'adopting', 'suspended', 'ready', 'dispatched', 'settling'] as const;
    const tasks = ['deliver', 'failure', 'delay', 'success'] as const;
    const job = new ScannedJobs(7).add(factsOf(1));

    for (const state of states)
      for (const stage of stages)
        for (const task of tasks) {
          Object.assign(job, { state, stage, task, tries: 4000, mayBeElsewhere: stage === 'due' });

          expect([job.state, job.stage, job.task, job.tries]).toEqual([state, stage, task, 4000]);
          expect(job.mayBeElsewhere).toBe(stage === 'due');
        }
  });

  it('lets go of what is taken away', () => {
    const job = new ScannedJobs(7).add(factsOf(1));

    job.work = Promise.resolve();
    job.work = undefined;

    expect(job.work).toBeUndefined();
  });
});
