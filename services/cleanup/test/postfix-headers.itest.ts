/**
 * Header edits against a real Postfix: the same messages through both, compared line by line. Postfix is told to treat the
 * client as its own (local_header_rewrite_clients) and to add a To, as Railpost does. Addresses are written in Postfix's
 * layout, because Postfix writes a whole field anew where Railpost only inserts.
 */
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { type Postfix, startPostfix } from '@railpost/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sent } from './given.ts';
import { until } from './harness.ts';

const address = 'alice@example.test';
let postfix: Postfix;

beforeAll(async () => {
  postfix = await startPostfix({
    mailboxes: [address],
    settings: [
      'myorigin = origin.test',
      'append_dot_mydomain = no',
      'local_header_rewrite_clients = permit_mynetworks',
      'undisclosed_recipients_header = To: undisclosed-recipients:;',
    ],
  });
});
afterAll(() => postfix.stop());

const whole = 'Message-ID: <1@x>\r\nDate: y\r\nFrom: a@b.test\r\nTo: c@d.test\r\n';

test.each([
  'Subject: x\r\n\r\nbody\r\n',
  `${whole}\r\nbody\r\n`,
  whole,
  '\r\nbody\r\n',
  'From: a\r\nTo: b, c (Carol), "x y" <d>\r\nCc: e@host, f@host.test., h!u\r\n\r\nbody\r\n',
  `${whole}Cc: Group: f, g@x.test;\r\n\r\nbody\r\n`,
  `${whole}Sender: d\r\nReply-To: e <f>\r\nErrors-To: g\r\nDisposition-Notification-To: h\r\n\r\nx\r\n`,
  `${whole}Return-Receipt-To: i\r\nApparently-To: j\r\nMail-Followup-To: k\r\nDelivered-To: l\r\nX-To: m\r\n\r\nx\r\n`,
  'Resent-To: x@y.test\r\nFrom: a@b.test\r\n\r\nbody\r\n',
  'Resent-From: n\r\n\r\nbody\r\n',
  'Bcc: secret@x.test,\r\n more@x.test\r\nSubject: x\r\n\r\nbody\r\n',
  `Resent-Bcc: s@x.test\r\n${whole}\r\nbody\r\n`,
  'Cc: a@b.test\r\nReturn-Path: <x@y.test>\r\n\r\nbody\r\n',
  'Subject: x\r\ngarbage here\r\nmore\r\n',
  'From:\r\nTo:\r\nDate:\r\nMessage-Id:\r\n\r\nbody\r\n',
  'From: =?utf-8?q?J=C3=B6rg?= <joerg>\r\nTo: c@d.test\r\n\r\nbody\r\n',
])('Postfix and cleanup make the same of %j', async (content) => {
  const theirs = await throughPostfix(content);

  const ours = sent({ client: 'submission', reversePath: 'sender@outside.test', content });
  expect(comparable(ours)).toBe(comparable(theirs));
});

/** What legitimately differs: the values of generated fields. */
function comparable(content: string): string {
  return content
    .replaceAll('\r\n', '\n')
    .replace(/^((?:Resent-)?Message-Id): <\d{14}\..*>$/m, '$1: (made)')
    .replace(/^((?:Resent-)?Date): .* \+0000.*$/m, '$1: (made)');
}

/** Sends a message and returns it as delivered, without the trace fields in front. */
async function throughPostfix(content: string): Promise<string> {
  const before = (await postfix.messages(address)).length;
  await submit(content);
  await until(async () => (await postfix.messages(address)).length > before);
  const delivered = (await postfix.messages(address)).map((message) => message.toString('latin1'));
  const trace = /^Return-Path: .*\n(?:X-Original-To: .*\n)?Delivered-To: .*\nReceived: .*\n(?:\t.*\n)*/;
  const fresh = delivered.filter((message) => !seen.has(message));
  for (const message of delivered) seen.add(message);
  return (fresh[0] ?? '').replace(trace, '');
}

const seen = new Set<string>();

async function submit(content: string): Promise<void> {
  const socket = createConnection({ host: '127.0.0.1', port: postfix.port });
  const commands = [
    'EHLO client.test',
    'MAIL FROM:<sender@outside.test>',
    `RCPT TO:<${address}>`,
    'DATA',
    `${content}.`,
    'QUIT',
  ];
  for await (const line of createInterface({ input: socket })) {
    if (line.charAt(3) === '-') continue;
    if (!/^[23]/.test(line)) throw new Error(line);
    const command = commands.shift();
    if (command !== undefined) socket.write(`${command}\r\n`);
  }
}
