/**
 * What was sent arrives octet by octet behind the trace fields: the difficult messages by DATA (and BDAT), cut at every kind of
 * packet boundary, and one of 30 MB.
 */
import { randomBytes } from 'node:crypto';
import { type SmtpSink, startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { difficultMessages } from '../../support/difficult-messages.ts';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { sendRaw } from '../../support/raw-client.ts';

describe('octet by octet', () => {
  let sink: SmtpSink;
  let platform: Platform;
  let sent = 0;

  beforeAll(async () => {
    sink = await startSmtpSink();
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports, '  limits: {messageSize: 40Mi}\n'),
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

  async function arrive(
    content: Buffer,
    how: { byChunking?: boolean; packetBytes?: number },
  ): Promise<Buffer> {
    const recipient = `r${sent}@partner.test`;
    sent += 1;
    const reply = await sendRaw({
      port: platform.ports.mx,
      reversePath: 'x@elsewhere.test',
      recipients: [recipient],
      content,
      ...how,
    });
    expect(reply).toMatch(/^250 2\.0\.0 /);
    const messages = await sink.waitForMessages(sent, 60_000);
    const arrived =
      messages.find(({ recipients }) => recipients.includes(recipient))?.content ?? Buffer.alloc(0);
    return withoutTrace(arrived);
  }

  it.each(
    difficultMessages()
      .filter(({ needsChunking }) => !needsChunking)
      .map((each) => [each.name, each] as const),
  )('by DATA: %s', async (_, { content }) => {
    expect((await arrive(content, {})).equals(content)).toBe(true);
  });

  it.each(difficultMessages().map((each) => [each.name, each] as const))(
    'by BDAT: %s',
    async (_, { content, needsChunking }) => {
      const arrived = await arrive(content, { byChunking: true });

      // The far end takes DATA, which cannot carry a missing final line end.
      expect(arrived.equals(needsChunking ? Buffer.concat([content, Buffer.from('\r\n')]) : content)).toBe(
        true,
      );
    },
  );

  it.each([1, 2, 3, 5, 7])('in packets of %i octets', async (packetBytes) => {
    const content = Buffer.from(
      'Subject: x\r\n\r\n.\r\n..\r\n\r\n.x\r\ny\r.\r\n'.replace('\r.', '.'),
      'latin1',
    );

    expect((await arrive(content, { packetBytes })).equals(content)).toBe(true);
  });

  it('thirty megabytes', async () => {
    const line = randomBytes(57).toString('base64');
    const content = Buffer.from(
      `Subject: large\r\n\r\n${`${line}\r\n`.repeat(Math.ceil((30 * 1024 * 1024) / 78))}`,
      'latin1',
    );

    expect((await arrive(content, { packetBytes: 65_536 })).equals(content)).toBe(true);
  });

  it('bare line feeds become line ends and a bare carriage return becomes a space', async () => {
    const content = Buffer.from('Subject: bare\r\n\r\na\nb\rc\r\n', 'latin1');

    expect((await arrive(content, {})).toString('latin1')).toBe('Subject: bare\r\n\r\na\r\nb c\r\n');
  });
});

/** Drops the trace field that our one hop has put in front (folded lines included). */
function withoutTrace(content: Buffer): Buffer {
  const text = content.toString('latin1');
  const field = /^Received: [^]*?\r\n(?![ \t])/.exec(text)?.[0] ?? '';
  return content.subarray(field.length);
}
