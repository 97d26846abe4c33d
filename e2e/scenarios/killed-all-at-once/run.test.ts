/**
 * kill -9 of railpost up, nats-server and every service at the same moment, in the middle of a load: after the next start every message
 * that was answered 250 arrives.
 */
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const sessions = 4;
const loadMs = 2000;

describe('when everything dies at once', () => {
  let sink: SmtpSink;
  let platform: Platform;

  beforeAll(async () => {
    sink = await startSmtpSink();
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
    });
  });
  afterAll(async () => {
    await platform.dispose();
    await sink.stop();
  });

  /** Sends one message after the other until the platform is gone; returns the recipients of those that were answered 250. */
  async function sendUntilDeath(session: number): Promise<string[]> {
    const accepted: string[] = [];
    for (let number = 0; ; number += 1) {
      const recipient = `s${session}n${number}@partner.test`;
      const content = Buffer.from(`Subject: ${recipient}\r\n\r\nbody\r\n`);
      try {
        const message = {
          port: platform.ports.mx,
          reversePath: 'x@elsewhere.test',
          recipients: [recipient],
          content,
        };
        if ((await sendRaw(message)).startsWith('250')) accepted.push(recipient);
      } catch {
        // The connection broke: nobody promised anything for this one.
        return accepted;
      }
    }
  }

  it('every message that was answered 250 arrives after the next start', async () => {
    const sending = Promise.all(Array.from({ length: sessions }, (_, session) => sendUntilDeath(session)));
    await new Promise((resolve) => setTimeout(resolve, loadMs));
    await platform.killEverything();
    const accepted = (await sending).flat();

    await platform.start();

    expect(accepted.length).toBeGreaterThan(20);
    const missing = (): string[] => {
      const arrived = new Set(sink.messages.flatMap(({ recipients }) => recipients));
      return accepted.filter((recipient) => !arrived.has(recipient));
    };
    await waitUntil('every accepted message', () => missing().length === 0, 60_000).catch(() => undefined);
    expect(missing()).toEqual([]);
    await waitUntil('an empty queue', async () =>
      (await platform.command('status')).stdout.includes(
        'incoming 0, active 0, deferred 0, hold 0, corrupt 0',
      ),
    );
  });
});
