/**
 * Mail leaves: by TransportMap to a real Postfix, by MX lookup to whom DNS names, by LMTP to a real Dovecot with one status per
 * recipient; 4xx is retried, 5xx comes back as a DSN, a null reverse-path gets none.
 */
import {
  type DnsServer,
  type Dovecot,
  type Postfix,
  type SmtpSink,
  startDnsServer,
  startDovecot,
  startPostfix,
  startSmtpSink,
} from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const content = Buffer.from('Subject: out\r\nFrom: <alice@example.test>\r\n\r\n8-bit \xe4\r\n', 'latin1');

describe('far ends', () => {
  let postfix: Postfix;
  let dovecot: Dovecot;
  let mxSink: SmtpSink;
  let moodySink: SmtpSink;
  let dns: DnsServer;
  let platform: Platform;

  beforeAll(async () => {
    let refusals = 2;
    const moody = ({ verb, line }: { verb: string; line: string }): string | undefined => {
      if (verb === 'RCPT' && line.includes('<later@')) {
        refusals -= 1;
        return refusals >= 0 ? '450 4.2.1 try later' : undefined;
      }
      return verb === 'RCPT' && line.includes('<never@') ? '550 5.1.1 no such user here' : undefined;
    };
    postfix = await startPostfix({ mailboxes: ['carol@partner.test'] });
    dovecot = await startDovecot({ users: ['dora@lmtp.test'] });
    mxSink = await startSmtpSink({ host: '127.0.0.77', port: 25 });
    moodySink = await startSmtpSink({ script: moody });
    dns = await startDnsServer({
      'mx.test': {
        mx: [
          [5, 'dead.mx.test'],
          [10, 'good.mx.test'],
        ],
      },
      'dead.mx.test': { a: ['127.0.0.78'] },
      'good.mx.test': { a: ['127.0.0.77'] },
    });
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports),
        'example.yaml': exampleDomain(),
        'partner.yaml': relayDomain(
          'partner.test',
          '{mode: AcceptAll}',
          `{smtp: {hosts: [{host: 127.0.0.1, port: ${postfix.port}}]}}`,
        ),
        'mx.yaml': relayDomain('mx.test', '{mode: AcceptAll}'),
        'lmtp.yaml': relayDomain(
          'lmtp.test',
          '{mode: AcceptAll}',
          `{lmtp: {host: 127.0.0.1, port: ${dovecot.lmtpPort}}}`,
        ),
        'moody.yaml': relayDomain(
          'moody.test',
          '{mode: AcceptAll}',
          `{smtp: {hosts: [{host: 127.0.0.1, port: ${moodySink.port}}]}}`,
        ),
      }),
      arguments: ['--set', `delivery-smtp.dns-servers=${dns.address}`],
    });
  });
  afterAll(async () => {
    await platform.dispose();
    await Promise.all([postfix.stop(), dovecot.stop(), mxSink.stop(), moodySink.stop(), dns.stop()]);
  });

  const send = (reversePath: string, ...recipients: string[]): Promise<string> =>
    sendRaw({ port: platform.ports.mx, reversePath, recipients, content });

  it('a TransportMap leads to a real Postfix', async () => {
    await send('alice@example.test', 'carol@partner.test');

    const [message] = await waitUntil('the mail at Postfix', async () => {
      const messages = await postfix.messages('carol@partner.test');
      return messages.length > 0 && messages;
    });
    expect(message?.toString('latin1')).toContain('\n\n8-bit \xe4\n');
    expect(message?.toString('latin1')).toMatch(/^Return-Path: <alice@example.test>\n/);
  });

  it('MX lookup leads to the next host when the first is dead', async () => {
    await send('alice@example.test', 'x@mx.test');

    const [message] = await mxSink.waitForMessages(1, 20_000);
    expect(message).toMatchObject({ reversePath: 'alice@example.test', recipients: ['x@mx.test'] });
  });

  it('LMTP gives each recipient a status of its own', async () => {
    await send('alice@example.test', 'dora@lmtp.test', 'nobody@lmtp.test');

    await waitUntil('the mail in Dovecot', async () => (await dovecot.fetch('dora@lmtp.test')).length === 1);
    const report = await waitUntil('the DSN', async () =>
      (await platform.mailbox('alice@example.test'))
        .map(String)
        .find((each) => each.includes('nobody@lmtp.test')),
    );
    expect(report).toContain('Content-Type: multipart/report');
    expect(report).toMatch(/Final-Recipient: rfc822; ?nobody@lmtp.test/);
    expect(report).not.toMatch(/Final-Recipient: rfc822; ?dora@lmtp.test/);
  });

  it('4xx is deferred and tried again', async () => {
    await send('alice@example.test', 'later@moody.test');

    await waitUntil('the deferred job', async () =>
      (await platform.command('queue', 'list', '--queue', 'deferred')).stdout.includes('later@moody.test'),
    );
    await waitUntil(
      'the delivery',
      () => moodySink.messages.some(({ recipients }) => recipients.includes('later@moody.test')),
      30_000,
    );
    await waitUntil(
      'an empty queue',
      async () => !(await platform.command('queue', 'list')).stdout.includes('later@moody.test'),
    );
  });

  it('5xx comes back to the sender, a null reverse-path gets nothing', async () => {
    await send('', 'never@moody.test');
    await send('bob@example.test', 'never@moody.test');

    const [report] = await waitUntil('the DSN', async () => {
      const messages = await platform.mailbox('bob@example.test');
      return messages.length > 0 && messages;
    });
    await waitUntil(
      'an empty queue',
      async () => !(await platform.command('queue', 'list')).stdout.includes('never@moody.test'),
    );
    const text = report?.toString('latin1') ?? '';
    expect(text).toMatch(/^Return-Path: <>\n/);
    for (const part of [
      'Action: failed',
      'Status: 5.1.1',
      'Diagnostic-Code: smtp; 550 5.1.1 no such user here',
      'Subject: out',
    ])
      expect(text).toContain(part);
    expect(await platform.mailbox('bob@example.test')).toHaveLength(1);
  });
});
