/** No password of a manifest appears in NATS's data, the spool, the logs or anywhere else under the data folder. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, passwords, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { swaks } from '../../support/swaks.ts';
import { waitUntil } from '../../support/wait-until.ts';

const smarthostPassword = 'a-smarthost-password-that-nobody-else-has';

describe('secrets', () => {
  let sink: SmtpSink;
  let platform: Platform;

  beforeAll(async () => {
    sink = await startSmtpSink();
    const route = `{smtp: {hosts: [{host: 127.0.0.1, port: ${sink.port}}], tls: {mode: Encrypt}, credentialsSecretRef: {name: smarthost}}}`;
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports),
        'example.yaml': exampleDomain(),
        'partner.yaml': relayDomain('partner.test', '{mode: AcceptAll}', route),
        'smarthost.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: smarthost}\ntype: kubernetes.io/basic-auth\nstringData: {username: railpost, password: ${smarthostPassword}}\n`,
      }),
    });
  });
  afterAll(async () => {
    await platform.dispose();
    await sink.stop();
  });

  it('stay sealed after logins and deliveries that used them', async () => {
    const login = [
      '--auth',
      'LOGIN',
      '--auth-user',
      'alice@example.test',
      '--auth-password',
      passwords.alice,
      '--tls',
    ];
    const sent = await swaks(platform.ports.submission, [
      ...login,
      '--from',
      'alice@example.test',
      '--to',
      'bob@example.test',
    ]);
    await sendRaw({
      port: platform.ports.mx,
      reversePath: 'x@elsewhere.test',
      recipients: ['c@partner.test'],
      content: Buffer.from('Subject: x\r\n\r\n'),
    });
    await waitUntil('the delivery', async () => (await platform.mailbox('bob@example.test')).length === 1);
    await waitUntil('the deferral', async () =>
      (await platform.command('queue', 'list')).stdout.includes('c@partner.test'),
    );

    const octets = await everyFile(platform.data);

    expect(sent.code).toBe(0);
    expect(octets.length).toBeGreaterThan(20);
    const secrets = [passwords.alice, passwords.bob, smarthostPassword];
    const encoded = secrets.flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]);
    const leaks = octets.flatMap(({ path, content }) =>
      encoded.filter((secret) => content.includes(secret)).map((secret) => `${path}: ${secret}`),
    );
    expect(leaks).toEqual([]);
    expect(encoded.filter((secret) => platform.output().includes(secret))).toEqual([]);
  });
});

async function everyFile(folder: string): Promise<{ path: string; content: Buffer }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (path) => ({ path, content: await readFile(path) })));
}
