/**
 * Outages of what the platform stands on, seen from outside: object storage gone in the middle of deliveries and bounces, NATS standing still
 * and killed, the disk of the mailboxes full. Clients hear 451, `railpost status` says why, no process dies of it, nothing is lost or
 * sent twice, and all of it goes on without a hand.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type S3Server, type SmtpSink, startS3Server, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const run = promisify(execFile);
const recoveryMs = 60_000;

describe('outages', () => {
  let s3: S3Server;
  let sink: SmtpSink;
  let platform: Platform;
  let isOpen = true;

  beforeAll(async () => {
    s3 = await startS3Server();
    sink = await startSmtpSink({
      script: ({ verb, line }) => {
        if (verb !== 'RCPT') return undefined;
        if (line.includes('refused')) return isOpen ? '550 5.1.1 no such user' : '450 4.3.2 closed';
        return isOpen ? undefined : '450 4.3.2 closed';
      },
    });
    const spool = await s3.location('spool');
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports),
        'example.yaml': exampleDomain(),
        'partner.yaml': relayDomain(
          'partner.test',
          '{mode: AcceptAll}',
          `{smtp: {hosts: [{host: 127.0.0.1, port: ${sink.port}}]}}`,
        ),
      }),
      arguments: ['--spool', spool],
    });
  });
  afterAll(async () => {
    await platform.dispose();
    await sink.stop();
    await s3.stop();
  });

  function send(recipient: string, content = `Subject: ${recipient}\r\n\r\nbody\r\n`): Promise<string> {
    return sendRaw({
      port: platform.ports.mx,
      reversePath: 'bob@example.test',
      recipients: [recipient],
      content: Buffer.from(content),
    });
  }

  /** As a mail server does: again after each failure. Resolves at the 250. */
  async function sendUntilAccepted(recipient: string, content?: string): Promise<void> {
    await waitUntil(
      `250 for ${recipient}`,
      () =>
        send(recipient, content).then(
          (reply) => reply.startsWith('250'),
          () => false,
        ),
      recoveryMs,
    );
  }

  /** The refusal at DATA. */
  async function refusal(): Promise<string> {
    return send('alice@example.test').catch((error: unknown) => String(error));
  }

  const arrivals = (recipient: string): number =>
    sink.messages.filter((each) => each.recipients.includes(recipient)).length;

  async function queueText(): Promise<string> {
    return (await platform.command('queue', 'list')).stdout;
  }

  async function status(): Promise<string> {
    return (await platform.command('status')).stdout;
  }

  async function pids(): Promise<number[]> {
    return (await platform.processes()).map(({ pid }) => pid);
  }

  function expectAllWell(): Promise<unknown> {
    return waitUntil('no problems', async () => (await status()).includes('No problems.'), recoveryMs);
  }

  it('object storage gone: 451, deliveries and reports wait, and each goes out once when it is back', async () => {
    const before = await pids();
    isOpen = false;
    const names = Array.from({ length: 5 }, (_, index) => `storage${index}@partner.test`);
    for (const name of [...names, 'refused@partner.test']) await send(name);
    await waitUntil('deferred jobs', async () => (await queueText()).includes('450 4.3.2 closed'));

    await s3.kill();
    isOpen = true;

    await waitUntil('451', async () => /DATA: 451 4\.3\.0 /.test(await refusal()), recoveryMs);
    expect(await status()).toMatch(/no mail is taken \(451 4\.3\.0\), spool: .*mend the object storage/);
    // The far end takes mail and refuses; what of it reaches the spool has to wait.
    await waitUntil(
      'attempts',
      async () => /4\.3\.0|no such user|internal/.test(await queueText()),
      recoveryMs,
    );
    await s3.restart();
    await sendUntilAccepted('after-storage@partner.test');
    await waitUntil('all mail', () => names.every((name) => arrivals(name) === 1), recoveryMs);
    await waitUntil(
      'the report',
      async () => (await platform.mailbox('bob@example.test')).length === 1,
      recoveryMs,
    );
    await waitUntil(
      'an empty queue',
      async () => (await queueText()) === 'Mail queue is empty\n',
      recoveryMs,
    );
    await expectAllWell();
    expect(names.map(arrivals)).toEqual(names.map(() => 1));
    expect(await platform.mailbox('bob@example.test')).toHaveLength(1);
    expect(await pids()).toEqual(before);
  });

  it('NATS stands still: 451, status answers without it, and mail flows when it goes on', async () => {
    const before = await pids();
    const nats = Number(await readFile(join(platform.data, 'nats', 'pid'), 'utf8'));
    process.kill(nats, 'SIGSTOP');
    try {
      await waitUntil('451', async () => /DATA: 451 4\.3\.0 /.test(await refusal()), recoveryMs);
      const told = await platform.command('status');
      expect(told.code).toBe(1);
      expect(told.stdout).toMatch(/nothing answers at nats:\S+: is nats-server running\?/);
      expect(told.stdout).toMatch(/smtp-ingress-0: no mail is taken \(451 4\.3\.0\), nats: /);
    } finally {
      process.kill(nats, 'SIGCONT');
    }

    await sendUntilAccepted('after-pause@partner.test');

    await waitUntil('the message', () => arrivals('after-pause@partner.test') > 0, recoveryMs);
    await expectAllWell();
    expect(await pids()).toEqual(before);
  });

  it('NATS and object storage killed under load: what was answered 250 arrives', async () => {
    const names = Array.from({ length: 90 }, (_, index) => `load${index}@partner.test`);
    const sending = Promise.all(
      [0, 1, 2].map(async (lane) => {
        for (const name of names.filter((_, index) => index % 3 === lane)) await sendUntilAccepted(name);
      }),
    );
    await waitUntil('the first arrivals', () => arrivals('load0@partner.test') > 0, recoveryMs);

    process.kill(Number(await readFile(join(platform.data, 'nats', 'pid'), 'utf8')), 'SIGKILL');
    await s3.restart();

    await sending;
    await waitUntil('all mail', () => names.every((name) => arrivals(name) > 0), recoveryMs);
    await expectAllWell();
  });

  it('the disk of the mailboxes is full: deferred with the reason, delivered when there is room', async () => {
    const mail = join(platform.data, 'mail');
    await run('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', mail]);
    try {
      const large = `Subject: large\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(4000);
      await sendUntilAccepted('alice@example.test', large);
      await waitUntil(
        'the reason',
        async () => (await queueText()).includes('no space (ENOSPC)'),
        recoveryMs,
      );
      expect(await platform.mailbox('alice@example.test')).toEqual([]);

      await run('mount', ['-o', 'remount,size=20m', mail]);

      await waitUntil(
        'the message',
        async () => (await platform.mailbox('alice@example.test')).length === 1,
        recoveryMs,
      );
    } finally {
      await run('umount', ['-l', mail]);
    }
  });
});
