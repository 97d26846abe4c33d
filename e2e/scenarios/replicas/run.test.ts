/**
 * Every service can be started twice and shares the work; two queue managers share four shards, and when one is killed the other owns all and
 * goes on.
 */
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const content = Buffer.from('Subject: shared\r\n\r\nbody\r\n');

describe('replicas', () => {
  let sink: SmtpSink;
  let platform: Platform;

  beforeAll(async () => {
    sink = await startSmtpSink();
    const replicas = ['smtp-ingress=2', 'cleanup=2', 'delivery-smtp=3', 'queue-manager=2'].flatMap((each) => [
      '--replicas',
      each,
    ]);
    const relayDomains = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [
        `d${index}.yaml`,
        relayDomain(
          `d${index}.test`,
          '{mode: AcceptAll}',
          `{smtp: {hosts: [{host: 127.0.0.1, port: ${sink.port}}, {host: 127.0.0.${index + 1}, port: ${sink.port}}]}}`,
        ),
      ]),
    );
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports),
        'example.yaml': exampleDomain(),
        ...relayDomains,
      }),
      arguments: [...replicas, '--shards', '4'],
    });
  });
  afterAll(async () => {
    await platform.dispose();
    await sink.stop();
  });

  async function shardsByOwner(): Promise<number[][]> {
    const { stdout } = await platform.command('status', '--json');
    const status: { processes: { service: string; shards: number[] }[] } = JSON.parse(stdout);
    return status.processes.filter(({ service }) => service === 'queue-manager').map(({ shards }) => shards);
  }

  async function sendToAll(port: number): Promise<string[]> {
    const recipients = Array.from({ length: 12 }, (_, index) => `u${sink.messages.length}@d${index}.test`);
    for (const recipient of recipients)
      await sendRaw({ port, reversePath: 'x@elsewhere.test', recipients: [recipient], content });
    return recipients;
  }

  const arrivedOnce = (recipients: readonly string[]): boolean =>
    recipients.every(
      (recipient) => sink.messages.filter((each) => each.recipients.includes(recipient)).length === 1,
    );

  it('two queue managers own two shards each within 20 s', async () => {
    await waitUntil(
      'two shards each',
      async () =>
        (await shardsByOwner()).every(({ length }) => length === 2) && (await shardsByOwner()).length === 2,
      20_000,
    );
  });

  it('two ingress take mail on two ports, and all of it arrives once', async () => {
    const first = await sendToAll(platform.ports.mx);
    await waitUntil('the first mails', () => arrivedOnce(first), 30_000);
    const second = await sendToAll(platform.ports.mx + 1000);

    await waitUntil('the second mails', () => arrivedOnce(second), 30_000);
  });

  it('the other owns four shards within 25 s of a kill -9 and goes on', async () => {
    const [victim] = (await platform.processes()).filter(({ service }) => service === 'queue-manager');
    process.kill(victim?.pid ?? 0, 'SIGKILL');

    await waitUntil(
      'four shards of the survivor',
      async () => (await shardsByOwner()).some(({ length }) => length === 4),
      25_000,
    );
    const recipients = await sendToAll(platform.ports.mx);
    await waitUntil('mail of all shards', () => arrivedOnce(recipients), 30_000);
  });
});
