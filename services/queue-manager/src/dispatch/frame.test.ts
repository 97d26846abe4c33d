import { DispatchFrame, parseRecord } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { Destinations } from '../queue/destinations.ts';
import type { QueuedJob } from '../queue/queued-job.ts';
import { cutFrames, encodeFrame, frameJob } from './frame.ts';

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
    work: undefined,
  };
}

function decoded(task: QueuedJob['task']) {
  const framed = frameJob(jobOf(task), settings);
  const payload = encodeFrame(
    { version: 1, shard: 3, epoch: 9, owner: 'o' },
    framed === undefined ? [] : [framed],
  );
  return DispatchFrame.parse(parseRecord(payload));
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

  it('holds at most 64 jobs and 512 KiB, and a job above that alone', () => {
    const frames = (bytes: number, count: number) =>
      cutFrames(
        Array.from({ length: count }, () => frameJob(jobOf('deliver', bytes), settings)).filter(
          (each) => each !== undefined,
        ),
      );

    expect(frames(10, 150).map((frame) => frame.length)).toEqual([64, 64, 22]);
    expect(frames(200_000, 5).map((frame) => frame.length)).toEqual([2, 2, 1]);
    expect(frames(600_000, 2).map((frame) => frame.length)).toEqual([1, 1]);
  });
});
