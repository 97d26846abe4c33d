/** With `--log-format=postfix`, pflogsumm's totals are right. */
import { execFile } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const content = Buffer.from('Subject: counted\r\nMessage-ID: <counted@example.test>\r\n\r\n');

describe('the postfix log', () => {
  let sink: SmtpSink;
  let platform: Platform;

  beforeAll(async () => {
    sink = await startSmtpSink({
      script: ({ verb, line }) => (verb === 'RCPT' && line.includes('<never@') ? '550 5.1.1 no' : undefined),
    });
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
      arguments: ['--log-format', 'postfix'],
    });
  });
  afterAll(async () => {
    await platform.dispose();
    await sink.stop();
  });

  it('is summed up by pflogsumm', async () => {
    const send = (recipients: string[]): Promise<string> =>
      sendRaw({ port: platform.ports.mx, reversePath: 'x@elsewhere.test', recipients, content });
    await send(['alice@example.test']);
    await send(['alice@example.test', 'bob@example.test', 'carol@partner.test']);
    await sendRaw({
      port: platform.ports.mx,
      reversePath: 'bob@example.test',
      recipients: ['never@partner.test'],
      content,
    });
    await expect(send(['nobody@example.test'])).rejects.toThrow('550');
    await waitUntil(
      'all mail',
      async () =>
        (await platform.mailbox('alice@example.test')).length === 2 &&
        (await platform.mailbox('bob@example.test')).length === 2 &&
        sink.messages.length === 1,
    );
    await platform.stop();

    const summary = await pflogsumm(join(platform.data, 'log'));

    const total = (name: string): number =>
      Number(new RegExp(`^\\s+(\\d+)\\s+${name}`, 'm').exec(summary)?.[1]);
    // Received counts clients, so the DSN is not in it; it is the fifth recipient delivered. One refused at RCPT.
    expect({
      received: total('received'),
      delivered: total('delivered'),
      bounced: total('bounced'),
      rejected: total('rejected'),
    }).toEqual({
      received: 3,
      delivered: 5,
      bounced: 1,
      rejected: 1,
    });
  });
});

async function pflogsumm(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log') && !name.includes('nats'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const merged = join(folder, 'merged');
  await writeFile(merged, texts.join(''));
  const { stdout } = await promisify(execFile)('pflogsumm', [merged]);
  return stdout;
}
