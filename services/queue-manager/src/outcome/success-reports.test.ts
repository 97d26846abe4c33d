import type { DeferRecord, RecipientOutcome } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { mergeReports, provenEntries, reportsWithout, successReportIndexes } from './success-reports.ts';

function resultOf(final: string, over: Partial<RecipientOutcome> = {}): RecipientOutcome {
  const status = { code: '2.0.0', text: 'ok' };
  const result = { orig: 0, final, run: 'r', n: 2, disposition: 'delivered' as const, status, relay: 'none' };
  return { ...result, successReport: 'delivered', ...over };
}

function recordOf(
  over: Partial<DeferRecord> = {},
  transport: 'mailbox' | 'discard' = 'mailbox',
): DeferRecord {
  const recipients = ['a', 'b'].map((final) => ({ orig: 0, original: 'x', final, run: 'r', n: 2 }));
  return {
    version: 1,
    job: {
      version: 1,
      jobId: 'j',
      queueId: 'q',
      attempt: 0,
      nextHop: transport === 'discard' ? { transport } : { transport, domain: 'x.test' },
      destination: 'mailbox:x.test',
      reversePath: 's@x.test',
      recipients,
      smtputf8: false,
      content: { key: 'k', offset: 0, bytes: 10, headerBytes: 5, sha256: '' },
      edits: [],
      client: { listener: 'mx', role: 'MX', address: '', port: 0, name: '', helo: '', protocol: 'SMTP' },
      messageId: '<m@x.test>',
      receivedAt: '2026-01-01T00:00:00.000Z',
      incomingSequence: 1,
    },
    state: 'active',
    tries: 0,
    nextMs: 0,
    done: [],
    bouncing: [],
    outcomes: [],
    decidedAtMs: 0,
    suspendedMs: 0,
    lastFaultIsOurs: false,
    hasDelayWarning: false,
    ...over,
  };
}

describe('deliveries that a record proves', () => {
  const entry = { queueId: 'q', orig: 0, final: 'a', run: 'r', n: 2 };

  it.each([
    [
      'a delivery to report is one',
      recordOf({ reports: [resultOf('a')] }),
      [{ ...entry, kind: 'delivered' }],
    ],
    [
      'a discarded one too',
      recordOf({ reports: [resultOf('a')] }, 'discard'),
      [{ ...entry, kind: 'discarded' }],
    ],
    ['one that the journal knows is none', recordOf({ reports: [resultOf('a')], done: [0] }), []],
    [
      'an expansion proves no delivery',
      recordOf({ reports: [resultOf('a', { disposition: 'deferred', successReport: 'expanded' })] }),
      [],
    ],
    ['without reports there are none', recordOf(), []],
  ] as const)('%s', (_, record, expected) => {
    expect(provenEntries(record)).toEqual(expected);
  });
});

describe('reports owed', () => {
  it('grow by what is new of open recipients', () => {
    const record = recordOf({ reports: [resultOf('a')], done: [1] });
    const results = [resultOf('a'), resultOf('b'), resultOf('stranger')];

    expect(mergeReports(recordOf(), results, 7)).toEqual({
      reports: [resultOf('a'), resultOf('b')],
      reportsDecidedAtMs: 7,
    });
    expect(mergeReports(record, results, 7).reports).toEqual([resultOf('a')]);
    expect(mergeReports(recordOf(), [], 7)).toEqual({});
  });

  it('keep the time that their queue id is made of until another is added', () => {
    const record = recordOf({ reports: [resultOf('a')], reportsDecidedAtMs: 5, decidedAtMs: 6 });

    expect(mergeReports(record, [resultOf('a')], 7).reportsDecidedAtMs).toBe(5);
    expect(mergeReports(record, [resultOf('b')], 7).reportsDecidedAtMs).toBe(7);
  });

  it('shrink by what was reported', () => {
    const record = recordOf({ reports: [resultOf('a'), resultOf('b')] });

    expect(reportsWithout(record, [resultOf('a')])).toEqual([resultOf('b')]);
    expect(successReportIndexes(record)).toEqual([0, 1]);
  });
});
