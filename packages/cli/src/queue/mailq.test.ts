import { describe, expect, it } from 'vitest';
import { formatMailq } from './mailq.ts';
import type { QueueEntry } from './queue-entries.ts';

function entry(more: Partial<QueueEntry> = {}): QueueEntry {
  return {
    queue: 'deferred',
    queueId: '0KxWvL4Dzz0BCDFG',
    jobId: 'j1',
    destination: 'smtp:partner.test',
    reversePath: 'alice@example.test',
    recipients: ['bob@partner.test'],
    sizeBytes: 2345,
    receivedAt: new Date(2026, 10, 21, 16, 0, 5).toISOString(),
    tries: 1,
    isInFlight: false,
    ...more,
  };
}

describe('mailq', () => {
  it('says that the queue is empty', () => {
    expect(formatMailq([])).toBe('Mail queue is empty\n');
  });

  it('shows a message with reason and recipients as mailq does', () => {
    const text = formatMailq([entry({ reason: 'connect to partner.test: refused' })]);

    expect(text.split('\n')).toEqual([
      '----Queue ID----- --Size-- ----Arrival Time---- -Sender/Recipient-------',
      '0KxWvL4Dzz0BCDFG      2345 Sat Nov 21 16:00:05  alice@example.test',
      '                                      (connect to partner.test: refused)',
      '                                                bob@partner.test',
      '',
      '-- 3 Kbytes in 1 Request.',
      '',
    ]);
  });

  it.each([
    ['active', '*'],
    ['hold', '!'],
    ['incoming', '+'],
    ['corrupt', '#'],
    ['deferred', ' '],
  ] as const)('marks %s by %s', (queue, mark) => {
    expect(formatMailq([entry({ queue })])).toContain(`0KxWvL4Dzz0BCDFG${mark}`);
  });

  it('joins the jobs of one message and counts it once', () => {
    const text = formatMailq([entry(), entry({ jobId: 'j2', recipients: ['carol@other.test'] })]);

    expect(text.match(/0KxWvL4Dzz0BCDFG/g)).toHaveLength(1);
    expect(text).toContain('carol@other.test');
    expect(text).toContain('in 1 Request.');
  });

  it('calls the null reverse-path MAILER-DAEMON', () => {
    expect(formatMailq([entry({ reversePath: '' })])).toContain('MAILER-DAEMON');
  });

  it('says when there is more', () => {
    expect(formatMailq([entry()], true)).toContain('There is more');
  });
});
