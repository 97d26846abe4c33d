import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EventLog, defineEvent, logDisposition } from '../src/index.ts';

const client = defineEvent<{ queueId: string }>({
  name: 'client',
  level: 'info',
  text: 'message accepted',
  postfix: { program: 'smtpd', line: ({ queueId }) => `${queueId}: client=client.test[192.0.2.1]` },
});
const queued = defineEvent<{ queueId: string; bytes: number; recipients: number }>({
  name: 'queued',
  level: 'info',
  text: 'message queued',
  postfix: {
    program: 'qmgr',
    line: (each) =>
      `${each.queueId}: from=<sender@example.test>, size=${each.bytes}, nrcpt=${each.recipients} (queue active)`,
  },
});
const rejected = defineEvent<object>({
  name: 'rejected',
  level: 'info',
  text: 'client rejected',
  postfix: {
    program: 'smtpd',
    line: () =>
      'NOQUEUE: reject: RCPT from bad.test[192.0.2.9]: 550 5.1.1 <x@example.test>: Recipient address rejected: User unknown; from=<a@b.test> to=<x@example.test> proto=ESMTP helo=<bad.test>',
  },
});
const operational = defineEvent<{ reason: string }>({
  name: 'operational',
  level: 'info',
  text: 'something of ours',
});

it('gets right totals from pflogsumm', () => {
  const tool = ['/usr/sbin/pflogsumm', '/usr/bin/pflogsumm'].find((path) => existsSync(path));
  if (tool === undefined) throw new Error('pflogsumm is missing: apt-get install pflogsumm');
  let text = '';
  const log = new EventLog({
    service: 'delivery-smtp',
    processName: 'one',
    format: 'postfix',
    level: 'info',
    write: (lines) => {
      text += lines;
    },
  });
  const results = [
    { status: 'sent', dsn: '2.0.0' },
    { status: 'sent', dsn: '2.1.5' },
    { status: 'deferred', dsn: '4.4.1' },
    { status: 'bounced', dsn: '5.1.1' },
  ] as const;

  operational(log, { reason: 'why' });
  rejected(log, {});
  for (const [index, { status, dsn }] of results.entries()) {
    const queueId = `0KxWvL4Dzz0BCDF${index}`;
    client(log, { queueId });
    queued(log, { queueId, bytes: 1000, recipients: 1 });
    logDisposition(log, {
      queueId,
      to: `r${index}@partner.test`,
      relay: 'mx.partner.test[192.0.2.2]:25',
      delay: 2,
      delays: [1, 0.5, 0.3, 0.2],
      dsn,
      status,
      reason: 'host mx.partner.test[192.0.2.2] said: something',
      transport: 'smtp',
    });
  }
  log.flush();
  const report = execFileSync('perl', [tool], { input: text, encoding: 'utf8' });

  const totals = [...report.matchAll(/^\s+(\d+)\s+(received|delivered|deferred|bounced|rejected)/gm)].map(
    ([, count, what]) => [what, Number(count)],
  );
  expect(Object.fromEntries(totals)).toEqual({
    received: 4,
    delivered: 2,
    deferred: 1,
    bounced: 1,
    rejected: 1,
  });
  expect(report).toMatch(/2000\s+bytes delivered/);
});
