/**
 * A newcomer's first minutes: the very folders of `npm start`, mail by swaks on the three ports, read by a real Dovecot; Ctrl-C, start
 * again.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDovecot } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { swaks } from '../../support/swaks.ts';
import { waitUntil } from '../../support/wait-until.ts';

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));

describe('the quickstart', () => {
  let platform: Platform;
  let ports: { mx: number; submission: number; submissions: number };

  beforeAll(async () => {
    platform = await startPlatform({
      manifests: () => ({}),
      arguments: () => {
        // Listeners and health servers of the examples, moved to where nobody else is.
        const offset = 10_000 + Math.floor(Math.random() * 10_000);
        ports = { mx: 2525 + offset, submission: 2587 + offset, submissions: 2465 + offset };
        const folders = ['-f', join(examples, 'quickstart'), '-f', join(examples, 'laptop')];
        return [...folders, '--health-port', '9101', '--port-offset', String(offset)];
      },
    });
  });
  afterAll(() => platform.dispose());

  it('says ports, commands to try and where the mail lies', () => {
    const screen = platform.output();

    for (const part of [
      `:${ports.mx}`,
      `:${ports.submission}`,
      `:${ports.submissions}`,
      'swaks --server',
      join(platform.data, 'mail'),
    ])
      expect(screen).toContain(part);
  });

  it('takes mail for alice from anybody and a real Dovecot reads it', async () => {
    const sent = await swaks(ports.mx, [
      '--from',
      'someone@elsewhere.test',
      '--to',
      'alice@example.test',
      '--header',
      'Subject: first',
    ]);

    expect(sent).toMatchObject({ code: 0 });
    await waitUntil('the mail', async () => (await platform.mailbox('alice@example.test')).length === 1);
    const dovecot = await startDovecot({
      users: ['alice@example.test'],
      mailRoot: join(platform.data, 'mail'),
    });
    try {
      await dovecot.adopt();
      const messages = await dovecot.fetch('alice@example.test');
      expect(messages.map(({ octets }) => octets.toString('latin1'))).toEqual([
        expect.stringContaining('\r\nSubject: first\r\n'),
      ]);
    } finally {
      await dovecot.stop();
    }
  });

  it('takes mail from alice by STARTTLS and by implicit TLS, with her password only', async () => {
    const login = [
      '--auth',
      'PLAIN',
      '--auth-user',
      'alice@example.test',
      '--from',
      'alice@example.test',
      '--to',
      'bob@example.test',
    ];

    const byStartTls = await swaks(ports.submission, [...login, '--tls', '--auth-password', 'alice']);
    const byImplicitTls = await swaks(ports.submissions, [
      ...login,
      '--tls-on-connect',
      '--auth-password',
      'alice',
    ]);
    const wrong = await swaks(ports.submission, [...login, '--tls', '--auth-password', 'wrong']);
    const withoutTls = await swaks(ports.submission, [...login, '--auth-password', 'alice']);

    expect([byStartTls.code, byImplicitTls.code]).toEqual([0, 0]);
    expect(wrong.transcript).toContain('535 5.7.8');
    expect(withoutTls.code).not.toBe(0);
    await waitUntil('both mails', async () => (await platform.mailbox('bob@example.test')).length === 2);
  });

  it('trusts nobody for being near', async () => {
    const relay = await swaks(ports.mx, ['--from', 'alice@example.test', '--to', 'x@elsewhere.test']);
    const unknown = await swaks(ports.mx, ['--from', 'x@elsewhere.test', '--to', 'nobody@example.test']);

    expect(relay.transcript).toContain('554 5.7.1');
    expect(unknown.transcript).toContain('550 5.1.1');
  });

  it('stops within 20 s, starts again within 5 s and goes on with the queue', async () => {
    await swaks(ports.mx, ['--from', 'someone@elsewhere.test', '--to', 'carol@partner.test']);
    await waitUntil('the deferred job', async () =>
      (await platform.command('queue', 'list')).stdout.includes('carol@partner.test'),
    );

    const stoppedIn = await platform.stop();
    const startedIn = await platform.start();

    expect(stoppedIn).toBeLessThan(20_000);
    expect(startedIn).toBeLessThan(10_000);
    await waitUntil('the queue', async () =>
      (await platform.command('queue', 'list')).stdout.includes('carol@partner.test'),
    );
  });
});
