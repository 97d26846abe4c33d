import { DispatchFrame, parseRecord } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { type Batch, Destinations } from '../queue/destinations.ts';
import type { QueuedJob } from '../queue/queued-job.ts';
import { Frame, frameJob } from './frame.ts';

const destinations = new Destinations(() => ({ concurrencyInitial: 5, concurrencyLimit: 20 }));
const settings = { lifetimeMs: 1000, bounceLifetimeMs: 1000, delayWarningMs: 0 };
const receivedAt = '2026-01-01T00:00:00.000Z';

function jobOf(task: QueuedJob['task'], subjectBytes = 10): QueuedJob {
  const status = { code: '4.2.0', text: 'later' };
  const recipients = ['a', 'b', 'c'].map((final, orig) => ({ orig, original: final, final, run: 'r', n: 1 }));
  return {
    jobId: 'j',
    queueId: 'q',
    destination: destinations.at('smtp_003ax_002etest', 'smtp'),
    receivedAtMs: Date.parse(receivedAt),
    state: 'active',
    stage: 'ready',
    task,
    nextMs: 0,
    tries: 2,
    deferSequence: 0,
    active: undefined,
    record: {
      version: 1,
      job: {
        version: 1,
        jobId: 'j',
        queueId: 'q',
        attempt: 0,
        nextHop: { transport: 'smtp', mx: 'x.test' },
        destination: 'smtp:x.test',
        reversePath: 's@x.test',
        recipients,
        smtputf8: false,
        content: { key: 'k', offset: 0, bytes: 1, headerBytes: 1, sha256: '' },
        edits: [{ at: 0, remove: 0, insert: 'x'.repeat(subjectBytes) }],
        client: { listener: 'mx', role: 'MX', address: '', port: 0, name: '', helo: '', protocol: '' },
        messageId: '<m>',
        receivedAt,
        incomingSequence: 1,
      },
      state: 'active',
      tries: 2,
      nextMs: 0,
      done: [0],
      bouncing: [1],
      outcomes: [1, 2].map((orig) => ({
        orig,
        final: orig === 1 ? 'b' : 'c',
        run: 'r',
        n: 1,
        disposition: 'deferred',
        status,
        relay: 'none',
      })),
      decidedAtMs: 42,
      suspendedMs: 500,
      lastFaultIsOurs: false,
      hasDelayWarning: false,
    },
    mayBeElsewhere: false,
    wasSuspended: false,
    activeAtMs: 7,
    batch: undefined,
    work: undefined,
  };
}

const head = { version: 1, shard: 3, epoch: 9, owner: 'o' } as const;

function batchOf(width: number, size: number): Batch {
  return { lane: jobOf('deliver').destination, width, remaining: size, size, sentAtMs: 0 };
}

function frameOf(jobs: readonly QueuedJob[], batch = batchOf(1, 1)): Frame {
  const frame = new Frame();
  for (const job of jobs) {
    const framed = frameJob(job, settings);
    if (framed !== undefined && !frame.isFull) frame.add(framed, batch);
  }
  return frame;
}

function decoded(task: QueuedJob['task']) {
  return DispatchFrame.parse(parseRecord(frameOf([jobOf(task)]).encode(head)));
}

describe('a dispatch frame', () => {
  it('asks for the recipients that are not done', () => {
    const frame = decoded('deliver');

    expect(frame).toMatchObject({ shard: 3, epoch: 9, owner: 'o' });
    expect(frame.jobs[0]).toMatchObject({ task: 'deliver', pending: [1, 2], tries: 2, activeAtMs: 7 });
    expect(frame.jobs[0]?.report).toBeUndefined();
  });

  it('asks for a failure report about the bouncing recipients only, with the time of the decision', () => {
    const [job] = decoded('failure').jobs;

    expect(job).toMatchObject({ task: 'failure', pending: [1] });
    expect(job?.report?.decidedAtMs).toBe(42);
    expect(job?.report?.outcomes.map((outcome) => outcome.final)).toEqual(['b']);
  });

  it('says in a delay report how long delivery is tried, suspended time added', () => {
    const [job] = decoded('delay').jobs;

    expect(job?.pending).toEqual([1, 2]);
    expect(job?.report?.willRetryUntil).toBe('2026-01-01T00:00:01.500Z');
  });

  it('holds at most 64 jobs, and no more once it has 384 KiB', () => {
    const jobsOf = (bytes: number) =>
      frameOf(Array.from({ length: 70 }, () => jobOf('deliver', bytes))).jobs.length;

    expect(jobsOf(10)).toBe(64);
    expect(jobsOf(100_000)).toBe(4);
    expect(jobsOf(600_000)).toBe(1);
  });

  it('says how many jobs of a destination may run at once when that is fewer than it holds', () => {
    const jobs = [jobOf('deliver'), jobOf('deliver'), jobOf('deliver')];

    const following = DispatchFrame.parse(parseRecord(frameOf(jobs, batchOf(2, 3)).encode(head)));
    const whole = DispatchFrame.parse(parseRecord(frameOf(jobs, batchOf(3, 3)).encode(head)));

    expect(following).toMatchObject({ widths: [2], jobs: [{ batch: 0 }, { batch: 0 }, { batch: 0 }] });
    expect(whole.jobs.map((job) => job.batch)).toEqual([undefined, undefined, undefined]);
  });
});
