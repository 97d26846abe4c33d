import { queueIdPattern, queueIdTimeMs } from '@railpost/mail';
import { describe, expect, it } from 'vitest';
import { reportQueueId } from './report-identity.ts';

const identity = { jobId: 'a'.repeat(32), kind: 'failure', tries: 3, decidedAtMs: 1_795_000_000_123 };

describe('queue id of a report', () => {
  it('is a queue id that tells the time of the decision', () => {
    expect(reportQueueId(identity)).toMatch(queueIdPattern);
    expect(queueIdTimeMs(reportQueueId(identity))).toBe(identity.decidedAtMs);
  });

  it('is the same for the same report, and another for another job, kind, try or time', () => {
    const variants = [
      identity,
      { ...identity, jobId: 'b'.repeat(32) },
      { ...identity, kind: 'delay' },
      { ...identity, tries: 4 },
      { ...identity, decidedAtMs: identity.decidedAtMs + 1 },
    ];

    expect(reportQueueId({ ...identity })).toBe(reportQueueId(identity));
    const success = { ...identity, kind: 'success' };
    expect(reportQueueId({ ...success, tries: 9 })).toBe(reportQueueId(success));
    expect(new Set(variants.map(reportQueueId)).size).toBe(variants.length);
  });
});
