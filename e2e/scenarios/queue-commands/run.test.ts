/** `railpost queue` on the running platform: list, show, hold, release, flush, delete; as a table and as JSON. */
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

interface Row {
  readonly queueId: string;
  readonly queue: string;
  readonly recipients: readonly string[];
}

describe('queue commands', () => {
  let sink: SmtpSink;
  let platform: Platform;
  let isOpen = false;

  beforeAll(async () => {
    sink = await startSmtpSink({
      script: ({ verb }) => (verb === 'RCPT' && !isOpen ? '450 4.3.2 closed' : undefined),
    });
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports).replace(
          'minimum: 2s, maximum: 8s',
          'minimum: 300s, maximum: 4000s',
        ),
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

  async function rows(...args: string[]): Promise<Row[]> {
    const { stdout, code } = await platform.command('queue', 'list', '--json', ...args);
    expect(code).toBe(0);
    const parsed: { rows: Row[] } | Row[] = JSON.parse(stdout);
    return Array.isArray(parsed) ? parsed : parsed.rows;
  }

  async function defer(recipient: string): Promise<string> {
    await sendRaw({
      port: platform.ports.mx,
      reversePath: 'bob@example.test',
      recipients: [recipient],
      content: Buffer.from('Subject: q\r\n\r\n'),
    });
    const row = await waitUntil('the deferred job', async () =>
      (await rows('--queue', 'deferred')).find((each) => each.recipients.includes(recipient)),
    );
    return row.queueId;
  }

  const arrived = (recipient: string): boolean =>
    sink.messages.some((each) => each.recipients.includes(recipient));

  it('list and show tell what waits and why', async () => {
    const queueId = await defer('list@partner.test');

    const table = await platform.command('queue', 'list');
    const shown = await platform.command('queue', 'show', queueId);

    for (const part of [queueId, 'bob@example.test', 'list@partner.test', '450 4.3.2 closed'])
      expect(table.stdout).toContain(part);
    for (const part of [queueId, 'list@partner.test', 'Subject: q']) expect(shown.stdout).toContain(part);
  });

  it('held mail stays until it is released', async () => {
    const queueId = await defer('held@partner.test');

    expect((await platform.command('queue', 'hold', queueId)).code).toBe(0);
    isOpen = true;
    await platform.command('queue', 'flush');
    await waitUntil('flushed mail', () => arrived('list@partner.test'));
    expect(arrived('held@partner.test')).toBe(false);
    expect((await rows('--queue', 'hold')).map((each) => each.queueId)).toEqual([queueId]);
    expect((await platform.command('queue', 'release', queueId)).code).toBe(0);
    await platform.command('queue', 'flush', queueId);

    await waitUntil('the released mail', () => arrived('held@partner.test'));
    isOpen = false;
  });

  it('deleted mail never leaves, and the sender hears nothing', async () => {
    const queueId = await defer('gone@partner.test');

    expect((await platform.command('queue', 'delete', queueId)).code).toBe(0);
    isOpen = true;
    await platform.command('queue', 'flush');

    await waitUntil('an empty queue', async () => (await rows()).length === 0);
    expect(arrived('gone@partner.test')).toBe(false);
    expect(await platform.mailbox('bob@example.test')).toEqual([]);
  });

  it('an unknown queue id is an error that says so', async () => {
    const result = await platform.command('queue', 'show', '0000000000000000');

    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('0000000000000000');
  });
});
