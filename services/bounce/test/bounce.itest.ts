/** bounce as a process: a scripted owner asks for reports; what reaches INCOMING and the spool is read back. */
import { queueIdTimeMs } from '@railpost/mail';
import { readSegment } from '@railpost/spool';
import { type NatsServer, type ServiceProcess, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type IncomingMessage, type Platform, decidedAtMs, failedJob, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\nFrom: <alice@example.test>\r\n\r\nsecret body\r\n');
const bob = 'bob@partner.test';

let server: NatsServer;
let platform: Platform;

beforeAll(async () => {
  server = await startNatsServer();
  platform = await preparePlatform(server);
});
afterAll(async () => {
  await platform.close();
  await server.stop();
});
beforeEach(() => platform.forgetIncoming());

describe('bounce', () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await platform.start();
  });
  afterAll(() => service.kill());

  it('reports a failure to the sender: in the spool, in INCOMING, then answered', async () => {
    const job = failedJob(await platform.spool(message), [{ final: bob }]);

    await platform.owner.dispatch('bounce', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome).toMatchObject({ task: 'failure', content: 'read', isOwnFault: false });
    expect(outcome.recipients).toMatchObject([
      { final: bob, disposition: 'delivered', status: { code: '2.0.0' } },
    ]);
    const reports = await platform.incoming();
    expect(reports).toHaveLength(1);
    const { record, busSubject } = onlyOne(reports);
    const queueId = outcome.reportQueueId;
    expect(queueIdTimeMs(record.envelope.queueId)).toBe(decidedAtMs);
    expect(busSubject).toBe(platform.bus.names.incomingSubject(record.envelope.queueId));
    expect(record).toMatchObject({ attempt: 0, headerInline: true });
    expect(record.envelope).toMatchObject({
      queueId,
      reversePath: '',
      recipients: [{ address: 'alice@example.test' }],
      client: { role: 'Local' },
      settles: [{ queueId: job.job.queueId, orig: 0, final: bob, run: 'r', n: 1 }],
    });
    const { records } = await readSegment(platform.store, record.body.key);
    expect(records).toEqual([{ envelope: record.envelope, body: record.body }]);
    expect(service.events.find((each) => each['reportQueueId'] === queueId)).toMatchObject({
      event: 'report-queued',
      queueId: job.job.queueId,
      kind: 'failure',
    });
  });

  it('says in the report what failed and why, and returns the message as it would have gone on', async () => {
    const job = failedJob(await platform.spool(message), [{ final: bob }], {
      job: { edits: [{ at: 0, remove: 0, insert: 'Received: by us\r\n' }], envid: 'QQ+2B1' },
    });

    await platform.owner.dispatch('bounce', [job]);
    await platform.owner.outcomeOf(job.job.jobId);

    const { content, headerSection } = onlyOne(await platform.incoming());
    const text = content.toString();
    expect(text.startsWith(headerSection)).toBe(true);
    expect(headerSection).toMatch(/^To: alice@example\.test\r$/m);
    expect(headerSection.endsWith('\r\n\r\n')).toBe(true);
    expect(text).toContain('Original-Envelope-Id: QQ+1\r\n');
    expect(text).toContain('Final-Recipient: rfc822; bob@partner.test\r\n');
    expect(text).toContain('Status: 5.1.1\r\n');
    expect(text).toContain('Remote-MTA: dns; mx.partner.test\r\n');
    expect(text).toContain('Content-Type: message/rfc822\r\n\r\nReceived: by us\r\nSubject: hello\r\n');
    expect(text).toContain('secret body\r\n');
  });

  it('returns headers only when RET says so, or when the message is long', async () => {
    const long = Buffer.concat([message, Buffer.alloc(60_000, 'x')]);
    const content = await platform.spool(message);
    const jobs = [
      failedJob(content, [{ final: bob }], { job: { ret: 'HDRS' } }),
      failedJob(await platform.spool(long), [{ final: bob }], { job: { ret: 'FULL' } }),
    ];

    await platform.owner.dispatch('bounce', jobs);
    for (const { job } of jobs) await platform.owner.outcomeOf(job.jobId);

    const reports = await platform.incoming();
    expect(reports).toHaveLength(2);
    for (const { content: octets } of reports) {
      expect(octets.toString()).toMatch(
        /Content-Type: text\/rfc822-headers\r\n\r\nSubject: hello\r\nFrom: <alice@example\.test>\r\n\r\n--/,
      );
      expect(octets.includes('secret body')).toBe(false);
    }
  });

  it('warns of a delay, and settles nothing by it', async () => {
    const status = { code: '4.4.1', text: 'connect to mx.partner.test: Connection refused' };
    const job = failedJob(await platform.spool(message), [{ final: bob }], { task: 'delay', status });

    await platform.owner.dispatch('bounce', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome).toMatchObject({ task: 'delay', recipients: [{ disposition: 'delivered' }] });
    const [report] = await platform.incoming();
    expect(report?.record.envelope.settles).toBeUndefined();
    expect(report?.content.toString()).toContain('Action: delayed\r\nStatus: 4.4.1\r\n');
    expect(report?.content.toString()).toContain(
      'Will-Retry-Until: Thu, 26 Nov 2026 16:00:00 +0000 (UTC)\r\n',
    );
  });

  it('tells of success: headers only, the way it went, and the list rather than who is behind it', async () => {
    const status = {
      code: '2.0.0',
      text: '250 2.0.0 Ok: queued as 7',
      diagnostic: { type: 'smtp' as const, text: '250 2.0.0 Ok: queued as 7' },
      remoteMta: 'mx.partner.test',
    };
    const recipients = [
      {
        final: bob,
        notify: ['SUCCESS' as const],
        successReport: 'relayed' as const,
        orcpt: 'rfc822;b+2Bx@y.test',
      },
      {
        final: 'secret@partner.test',
        original: 'team@example.test',
        notify: ['NEVER' as const],
        isExpansionReportDue: true,
        successReport: 'expanded' as const,
      },
    ];
    const more = { task: 'success' as const, status, job: { ret: 'FULL' as const, envid: 'QQ+2B1' } };
    const job = failedJob(await platform.spool(message), recipients, more);

    await platform.owner.dispatch('bounce', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome).toMatchObject({ task: 'success', recipients: [{ final: bob }, { orig: 1 }] });
    const { record, content } = onlyOne(await platform.incoming());
    expect(record.envelope).toMatchObject({ queueId: outcome.reportQueueId, reversePath: '' });
    expect(record.envelope.settles).toBeUndefined();
    const text = content.toString();
    expect(text).toContain('Subject: Successful Mail Delivery Report\r\n');
    expect(text).toContain('Original-Envelope-Id: QQ+1\r\n');
    expect(text).toContain(
      [
        'Final-Recipient: rfc822; bob@partner.test',
        'Original-Recipient: rfc822;b+x@y.test',
        'Action: relayed',
        'Status: 2.0.0',
        'Remote-MTA: dns; mx.partner.test',
        'Diagnostic-Code: smtp; 250 2.0.0 Ok: queued as 7',
        '',
        'Final-Recipient: rfc822; team@example.test',
        'Original-Recipient: rfc822;team@example.test',
        'Action: expanded',
        'Status: 2.0.0',
        'Diagnostic-Code: x-railpost; alias expanded',
      ].join('\r\n'),
    );
    expect(text).toMatch(
      /^<bob@partner\.test>: delivery via mx\.partner\.test\[192\.0\.2\.7\]:25: 250 2\.0\.0/m,
    );
    expect(text).not.toContain('secret');
  });

  it('says of a failure behind an alias who failed and why, though the expansion is reported too', async () => {
    const expanded = { isExpansionReportDue: true, successReport: 'expanded' as const };
    const recipient = {
      final: bob,
      original: 'team@example.test',
      notify: ['FAILURE' as const],
      ...expanded,
    };
    const job = failedJob(await platform.spool(message), [recipient]);

    await platform.owner.dispatch('bounce', [job]);
    await platform.owner.outcomeOf(job.job.jobId);

    const text = onlyOne(await platform.incoming()).content.toString();
    expect(text).toContain('Final-Recipient: rfc822; bob@partner.test\r\n');
    expect(text).toContain('Action: failed\r\nStatus: 5.1.1\r\n');
  });

  it('makes one report about all recipients that want one, and settles all', async () => {
    const job = failedJob(await platform.spool(message), [
      { final: bob },
      { final: 'quiet@partner.test', notify: ['NEVER'] },
      { final: 'carol@partner.test', notify: ['FAILURE'], orcpt: 'rfc822;c+2Bx@partner.test' },
    ]);

    await platform.owner.dispatch('bounce', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome.recipients.map(({ disposition }) => disposition)).toEqual(Array(3).fill('delivered'));
    const [report] = await platform.incoming();
    expect(report?.record.envelope.settles).toHaveLength(3);
    const text = report?.content.toString() ?? '';
    expect(text.match(/^Final-Recipient: .*$/gm)).toEqual([
      'Final-Recipient: rfc822; bob@partner.test',
      'Final-Recipient: rfc822; carol@partner.test',
    ]);
    expect(text).toContain('Original-Recipient: rfc822;c+x@partner.test\r\n');
  });

  it.each([
    ['the reverse-path is null', { job: { reversePath: '' } }, {}],
    ['NOTIFY=NEVER', {}, { notify: ['NEVER'] }],
    ['NOTIFY without DELAY, of a delay', { task: 'delay' }, { notify: ['FAILURE'] }],
    ['NOTIFY without SUCCESS, of a success', { task: 'success' }, { notify: ['FAILURE'] }],
    ['nobody asked, of a success', { task: 'success' }, {}],
    [
      'the reverse-path is null, of a success',
      { task: 'success', job: { reversePath: '' } },
      { notify: ['SUCCESS'] },
    ],
  ] as const)('sends nothing when %s, and answers without a report', async (_, more, recipient) => {
    const notify = 'notify' in recipient ? { notify: [...recipient.notify] } : {};
    const job = failedJob(await platform.spool(message), [{ final: bob, ...notify }], more);
    const segments = await platform.segments();

    await platform.owner.dispatch('bounce', [job]);
    const outcome = await platform.owner.outcomeOf(job.job.jobId);

    expect(outcome).toMatchObject({ content: 'read', recipients: [{ disposition: 'delivered' }] });
    expect(outcome.reportQueueId).toBeUndefined();
    expect(await platform.incoming()).toEqual([]);
    expect(await platform.segments()).toEqual(segments);
  });

  it('needs SMTPUTF8 for its report when addresses do, and 8BITMIME when the message does', async () => {
    const eightBit = Buffer.from('Subject: x\r\n\r\n\xe4\r\n', 'latin1');
    const jobs = [
      failedJob(await platform.spool(message), [{ final: 'bøb@partner.test' }], { job: { smtputf8: true } }),
      failedJob(await platform.spool(eightBit), [{ final: bob }]),
      failedJob(await platform.spool(message), [{ final: bob }]),
    ];

    for (const job of jobs) {
      await platform.owner.dispatch('bounce', [job]);
      await platform.owner.outcomeOf(job.job.jobId);
    }

    const reports = await platform.incoming();
    expect(reports.map(({ record: { envelope } }) => [envelope.smtputf8, envelope.body])).toEqual([
      [true, '8BITMIME'],
      [false, '8BITMIME'],
      [false, '7BIT'],
    ]);
    expect(reports[1]?.content.includes(eightBit)).toBe(true);
  });

  it('reports a body that is gone, and sends nothing', async () => {
    const content = await platform.spool(message);
    const job = failedJob({ ...content, key: `${content.key}x` }, [{ final: bob }]);

    await platform.owner.dispatch('bounce', [job]);

    expect(await platform.owner.outcomeOf(job.job.jobId)).toMatchObject({ content: 'gone', recipients: [] });
    expect(await platform.incoming()).toEqual([]);
  });
});

function onlyOne(messages: readonly IncomingMessage[]): IncomingMessage {
  const [first] = messages;
  if (first === undefined || messages.length !== 1)
    throw new Error(`${messages.length} messages in INCOMING`);
  return first;
}
