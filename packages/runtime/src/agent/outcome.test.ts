import type { DispatchedJob, JobRecipient, SuccessAction } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import type { RecipientResult } from './agent-task.ts';
import type { JobInHand } from './jobs-in-hand.ts';
import { outcomeOf } from './outcome.ts';

/** One recipient in hand, with what was asked for it. */
function inHandOf(
  over: Partial<JobRecipient>,
  more: Partial<DispatchedJob> = {},
  from = 's@x.test',
): JobInHand {
  const recipient: JobRecipient = {
    orig: 0,
    original: 'a@x.test',
    final: 'a@x.test',
    run: 'r',
    n: 1,
    ...over,
  };
  return {
    shard: 0,
    transport: 'smtp',
    dispatched: {
      job: {
        version: 1,
        jobId: 'j',
        queueId: 'q',
        attempt: 0,
        nextHop: { transport: 'smtp', mx: 'x.test' },
        destination: 'smtp:x.test',
        reversePath: from,
        recipients: [recipient],
        smtputf8: false,
        content: { key: 'k', offset: 0, bytes: 10, headerBytes: 5, sha256: '' },
        edits: [],
        client: { listener: 'mx', role: 'MX', address: '', port: 0, name: '', helo: '', protocol: 'SMTP' },
        messageId: '<m@x.test>',
        receivedAt: '2026-01-01T00:00:00.000Z',
        incomingSequence: 1,
      },
      task: 'deliver',
      tries: 0,
      pending: [0],
      activeAtMs: 0,
      ...more,
    },
    era: 0,
    batch: undefined,
    hasBegun: true,
    isFollowed: false,
    begunAtMs: 0,
    begunAtWallMs: 0,
    phase: 'accepted',
    isCommitAnnounced: false,
    isAskedAgain: false,
  };
}

function reportOf(
  inHand: JobInHand,
  disposition: RecipientResult['disposition'],
  success?: RecipientResult['success'],
): SuccessAction | undefined {
  const [recipient] = inHand.dispatched.job.recipients;
  if (recipient === undefined) throw new Error('no recipient');
  const result: RecipientResult = {
    index: 0,
    disposition,
    status: { code: '2.0.0', text: '' },
    relay: 'none',
  };
  const results = success === undefined ? result : { ...result, success };
  return outcomeOf(inHand, [{ index: 0, recipient }], { recipients: [results] }).recipients[0]?.successReport;
}

describe('the report of success that an attempt makes due', () => {
  it.each([
    ['SUCCESS', 'delivered', undefined, 'delivered'],
    ['SUCCESS', 'delivered', 'relayed', 'relayed'],
    ['SUCCESS', 'delivered', 'passed-on', undefined],
    ['SUCCESS', 'deferred', undefined, undefined],
    ['SUCCESS', 'bounced', undefined, undefined],
    ['FAILURE', 'delivered', 'relayed', undefined],
    ['NEVER', 'delivered', 'relayed', undefined],
  ] as const)('with NOTIFY=%s of a recipient %s (%s): %s', (notify, disposition, success, expected) => {
    expect(reportOf(inHandOf({ notify: [notify] }), disposition, success)).toBe(expected);
  });

  it('is none without NOTIFY, for the null reverse-path, and for a report itself', () => {
    const asked = { notify: ['SUCCESS' as const] };

    expect(reportOf(inHandOf({}), 'delivered')).toBeUndefined();
    expect(reportOf(inHandOf(asked, {}, ''), 'delivered')).toBeUndefined();
    expect(reportOf(inHandOf(asked, { task: 'success' }), 'delivered')).toBeUndefined();
  });

  it.each(['delivered', 'deferred', 'bounced'] as const)(
    'says once that an alias was expanded, after the first attempt, though that was %s',
    (disposition) => {
      const expanded = { notify: ['NEVER' as const], isExpansionReportDue: true };

      expect(reportOf(inHandOf(expanded), disposition)).toBe('expanded');
      expect(reportOf(inHandOf(expanded, { tries: 1 }), disposition)).toBeUndefined();
      expect(reportOf(inHandOf(expanded, {}, ''), disposition)).toBeUndefined();
    },
  );
});
