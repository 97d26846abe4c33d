/**
 * NATS loses everything it held: once while the platform is stopped, once while it runs, and once it comes back with an older copy. Mail
 * that was deferred, held, returned to its sender or accepted a moment ago is where it was; nothing arrives twice.
 */
import { cp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const recoveryMs = 90_000;
const slowMs = 360_000;

interface Row {
  readonly queueId: string;
  readonly recipients: readonly string[];
}

describe('when NATS loses everything', () => {
  let sink: SmtpSink;
  let platform: Platform;
  let isOpen = false;

  beforeAll(async () => {
    sink = await startSmtpSink({
      script: ({ verb, line }) => {
        if (verb !== 'RCPT') return undefined;
        if (line.includes('nobody')) return '550 5.1.1 no such user';
        return isOpen ? undefined : '450 4.3.2 closed';
      },
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
    });
  }, slowMs);
  afterAll(async () => {
    await platform.dispose();
    await sink.stop();
  });

  async function send(...recipients: string[]): Promise<void> {
    const reply = await sendRaw({
      port: platform.ports.mx,
      reversePath: 'bob@example.test',
      recipients,
      content: Buffer.from(`Subject: ${recipients.join(' ')}\r\n\r\nbody\r\n`),
    });
    expect(reply).toContain('250');
  }

  async function rows(queue: string): Promise<readonly Row[]> {
    const { stdout, code } = await platform.command('queue', 'list', '--json', '--queue', queue);
    if (code !== 0) return [];
    const parsed: { rows: Row[] } | Row[] = JSON.parse(stdout);
    return Array.isArray(parsed) ? parsed : parsed.rows;
  }

  async function waitingIn(queue: string, recipient: string): Promise<string> {
    const row = await waitUntil(
      `${recipient} in ${queue}`,
      async () => (await rows(queue)).find((each) => each.recipients.includes(recipient)),
      recoveryMs,
    );
    return row.queueId;
  }

  const arrivals = (recipient: string): number =>
    sink.messages.filter((each) => each.recipients.includes(recipient)).length;

  async function reportsAbout(recipient: string): Promise<number> {
    const mails = await platform.mailbox('bob@example.test');
    return mails.filter((each) => each.includes('multipart/report') && each.includes(recipient)).length;
  }

  /** Sends mail that ends up in every state; names end in the tag. */
  async function sendEverything(tag: string): Promise<void> {
    isOpen = true;
    await send(`done-${tag}@partner.test`);
    await waitUntil('the first delivery', () => arrivals(`done-${tag}@partner.test`) === 1, recoveryMs);
    isOpen = false;
    await send(`held-${tag}@partner.test`);
    const held = await waitingIn('deferred', `held-${tag}@partner.test`);
    const hold = await platform.command('queue', 'hold', held);
    expect(hold, hold.stdout).toMatchObject({ code: 0 });
    await send(`deferred-${tag}@partner.test`);
    await waitingIn('deferred', `deferred-${tag}@partner.test`);
    await send(`nobody-${tag}@partner.test`);
    await waitUntil('the report', async () => (await reportsAbout(`nobody-${tag}`)) === 1, recoveryMs);
    await send(`fresh-${tag}@partner.test`);
  }

  async function expectEverythingWhereItWas(tag: string): Promise<void> {
    await waitingIn('hold', `held-${tag}@partner.test`);
    isOpen = true;
    for (const state of ['deferred', 'fresh'])
      await waitUntil(state, () => arrivals(`${state}-${tag}@partner.test`) > 0, recoveryMs);
    const recovered = await platform.command('recover');
    expect(recovered.stdout).toContain('unfinished messages of the spool are in the queue');
    expect(arrivals(`held-${tag}@partner.test`)).toBe(0);
    expect(['done', 'deferred', 'fresh'].map((state) => arrivals(`${state}-${tag}@partner.test`))).toEqual([
      1, 1, 1,
    ]);
    expect(await reportsAbout(`nobody-${tag}`)).toBe(1);
    const held = await waitingIn('hold', `held-${tag}@partner.test`);
    await platform.command('queue', 'release', held);
    await waitUntil('the released mail', () => arrivals(`held-${tag}@partner.test`) === 1, recoveryMs);
  }

  const natsData = (): string => join(platform.data, 'nats', 'store');

  /** kill -9; railpost up starts it again at once. */
  async function killNats(): Promise<void> {
    process.kill(Number(await readFile(join(platform.data, 'nats', 'pid'), 'utf8')), 'SIGKILL');
  }

  it(
    'while the platform is stopped, the next start puts back what is unfinished',
    async () => {
      await sendEverything('stopped');
      await platform.stop();
      await rm(natsData(), { recursive: true });
      await platform.start();

      await expectEverythingWhereItWas('stopped');
    },
    slowMs,
  );

  it(
    'while the platform runs, it goes on by itself',
    async () => {
      await sendEverything('running');
      // The server writes on into the folder that is moved away, until it dies.
      await rename(natsData(), `${natsData()}-lost`);
      await killNats();

      await waitingIn('hold', 'held-running@partner.test');
      await send('later@partner.test');
      await expectEverythingWhereItWas('running');
      await waitUntil('mail accepted afterwards', () => arrivals('later@partner.test') === 1, recoveryMs);
    },
    slowMs,
  );

  it(
    'when it comes back with an older copy, what came since is put back',
    async () => {
      await platform.stop();
      await cp(natsData(), `${natsData()}-copy`, { recursive: true });
      await platform.start();
      await sendEverything('behind');
      await rename(natsData(), `${natsData()}-behind`);
      await cp(`${natsData()}-copy`, natsData(), { recursive: true });
      await killNats();

      await expectEverythingWhereItWas('behind');
    },
    slowMs,
  );

  it('and says what it did', async () => {
    const log = await readFile(join(platform.data, 'log', 'spool-keeper-0.log'), 'utf8');

    expect(log.split('\n').filter((line) => line.includes('"event":"recovery-over"'))).toHaveLength(3);
  });
});
