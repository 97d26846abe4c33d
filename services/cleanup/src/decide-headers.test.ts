import { encodeUtf8 } from '@railpost/mail';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Given, decide, jobsOf, sent } from '../test/given.ts';

const id = 'Message-Id: <20261121060504.0B1bkYzzVzCNpZPQ@mail.example.test>\r\n';
const date = 'Date: Sat, 21 Nov 2026 06:05:04 +0000 (UTC)\r\n';
const from = 'From: sender@outside.test\r\n';
const noTo = 'To: undisclosed-recipients:;\r\n';
const whole = 'Message-ID: <1@x>\r\nDate: y\r\nFrom: a@b.test\r\nTo: c@d.test\r\n';
const relayed = { recipients: [{ address: 'bob@partner.test' }] };

test.each<[string, Given, string]>([
  [
    'mail from outside is not touched',
    { content: 'Subject: x\r\nTo: a\r\nBcc: b\r\n\r\nbody' },
    'Subject: x\r\nTo: a\r\nBcc: b\r\n\r\nbody',
  ],
  ['mail from outside without any header is not touched', { content: '\r\nbody' }, '\r\nbody'],
  ['an empty message is not touched', { content: '' }, ''],
  ['our own reports are not touched', { client: 'local', content: 'garbage\r\n', ...relayed }, 'garbage\r\n'],
  [
    'a complete submission is not touched',
    { client: 'submission', content: `${whole}\r\nbody` },
    `${whole}\r\nbody`,
  ],
  [
    'missing fields are added behind the others',
    { client: 'submission', content: 'Subject: x\r\n\r\nbody' },
    `Subject: x\r\n${id}${date}${from}${noTo}\r\nbody`,
  ],
  [
    'an Internal listener completes too',
    { client: 'internal', content: 'Subject: x\r\n\r\nbody' },
    `Subject: x\r\n${id}${date}${from}${noTo}\r\nbody`,
  ],
  ['an empty submission gets a header', { client: 'submission', content: '' }, `${id}${date}${from}${noTo}`],
  [
    'a submission of a body only gets a header',
    { client: 'submission', content: '\r\nbody' },
    `${id}${date}${from}${noTo}\r\nbody`,
  ],
  ['header only, without empty line, stays header only', { client: 'submission', content: whole }, whole],
  [
    'a header that breaks off is closed before fields are added',
    { client: 'submission', content: 'Subject: x' },
    `Subject: x\r\n${id}${date}${from}${noTo}`,
  ],
  [
    'empty fields count as present',
    { client: 'submission', content: 'Message-Id:\r\nDate:\r\nFrom:\r\nTo:\r\n\r\n' },
    'Message-Id:\r\nDate:\r\nFrom:\r\nTo:\r\n\r\n',
  ],
  [
    'Cc is a visible recipient',
    { client: 'submission', content: 'Cc: a@b.test\r\n\r\n' },
    `Cc: a@b.test\r\n${id}${date}${from}\r\n`,
  ],
  [
    'Resent-Cc too',
    { client: 'submission', content: 'Resent-Cc: a@b.test\r\n\r\n' },
    `Resent-Cc: a@b.test\r\nResent-${id}Resent-${date}Resent-${from}\r\n`,
  ],
  [
    'Bcc is none, and is dropped with its continuation',
    { client: 'submission', content: `Bcc: a@b.test,\r\n c@d.test\r\nSubject: x\r\n\r\n` },
    `Subject: x\r\n${id}${date}${from}${noTo}\r\n`,
  ],
  [
    'Resent-Bcc is dropped, and makes the message a resent one',
    { client: 'submission', content: `Resent-Bcc: s@x.test\r\n${whole}\r\n` },
    `${whole}Resent-${id}Resent-${date}Resent-${from}\r\n`,
  ],
  [
    'a resent message gets Resent- fields',
    { client: 'submission', content: 'Resent-To: a@b.test\r\n\r\n' },
    `Resent-To: a@b.test\r\nResent-${id}Resent-${date}Resent-${from}\r\n`,
  ],
  [
    'a field that only looks like a resent one makes none',
    { client: 'submission', content: `Resent-By: a robot\r\n${whole}\r\n` },
    `Resent-By: a robot\r\n${whole}\r\n`,
  ],
  [
    'an address that breaks off at the end of its field stays as it is',
    { client: 'submission', content: 'From: "alice\r\nTo: bob\\\r\nMessage-Id: x\r\nDate: y\r\n\r\n' },
    'From: "alice\r\nTo: bob\\\r\nMessage-Id: x\r\nDate: y\r\n\r\n',
  ],
  [
    'a null reverse-path makes From MAILER-DAEMON',
    {
      client: 'internal',
      reversePath: '',
      content: `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\n\r\n`,
    },
    `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\nFrom: MAILER-DAEMON\r\n\r\n`,
  ],
  [
    'an incomplete reverse-path is completed for From',
    {
      client: 'internal',
      reversePath: 'root',
      content: `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\n\r\n`,
    },
    `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\nFrom: root@origin.test\r\n\r\n`,
  ],
  [
    'addresses get the origin, all else stays as written',
    { client: 'submission', content: `${whole}Cc: Joe <joe>, "a, b" <x@y.test>,\r\n\tann (Ann)\r\n\r\n` },
    `${whole}Cc: Joe <joe@origin.test>, "a, b" <x@y.test>,\r\n\tann@origin.test (Ann)\r\n\r\n`,
  ],
  [
    'a bang path is swapped, a trailing dot goes',
    { client: 'submission', content: `${whole}Cc: host!joe, a@b.test., h!k!l\r\n\r\n` },
    `${whole}Cc: joe@host, a@b.test, k!l@h\r\n\r\n`,
  ],
  [
    'a host without domain stays (append_dot_mydomain = no)',
    { client: 'submission', content: `${whole}Cc: a@host\r\n\r\n` },
    `${whole}Cc: a@host\r\n\r\n`,
  ],
  [
    'members of a group are completed',
    { client: 'submission', content: `${whole}Reply-To: F: a, b@c.test;\r\n\r\n` },
    `${whole}Reply-To: F: a@origin.test, b@c.test;\r\n\r\n`,
  ],
  [
    'a phrase without address stays',
    { client: 'submission', content: `${whole}Sender: John Doe\r\n\r\n` },
    `${whole}Sender: John Doe\r\n\r\n`,
  ],
  [
    'fields that hold no addresses stay',
    { client: 'submission', content: `${whole}Delivered-To: a\r\nX-To: b\r\n\r\n`, ...relayed },
    `${whole}Delivered-To: a\r\nX-To: b\r\n\r\n`,
  ],
  [
    'octets beyond ASCII survive next to a completed address',
    { client: 'submission', content: `${whole}Cc: J\u00f6rg <joerg>\r\n\r\n` },
    `${whole}Cc: J\u00f6rg <joerg@origin.test>\r\n\r\n`,
  ],
  [
    'Return-Path goes on the way to a mailbox',
    { content: 'Return-Path: <a@b.test>\r\nSubject: x\r\nReturn-path:\r\n <c>\r\n\r\nb' },
    'Subject: x\r\n\r\nb',
  ],
  [
    'Return-Path stays on the way to another host',
    { content: 'Return-Path: <a@b.test>\r\n\r\nb', ...relayed },
    'Return-Path: <a@b.test>\r\n\r\nb',
  ],
  [
    'a line that is no header gets an empty line before it',
    { content: 'Received: x\r\ngarbage\r\nmore' },
    'Received: x\r\n\r\ngarbage\r\nmore',
  ],
  [
    'also when the record ends the header section there',
    { content: 'Received: x\r\ngarbage\r\nmore', headerBytes: 13 },
    'Received: x\r\n\r\ngarbage\r\nmore',
  ],
  [
    'and added fields stand before it',
    { client: 'submission', content: 'To: a@b.test\r\ngarbage' },
    `To: a@b.test\r\n${id}${date}${from}\r\ngarbage`,
  ],
])('%s', (_, given, expected) => {
  expect(sent(given)).toBe(expected);
});

test.each<[string, Given, string]>([
  ['the one in the message', { content: 'Message-ID:\r\n <1@x>\r\n\r\n' }, '<1@x>'],
  ['the one that was added', { client: 'submission' }, '<20261121060504.0B1bkYzzVzCNpZPQ@mail.example.test>'],
  ['none in foreign mail without one', {}, '<>'],
  [
    'none when only a Resent-Message-Id was added',
    { client: 'submission', content: 'Resent-To: a@b.test\r\n\r\n' },
    '<>',
  ],
])('the logged message id is %s', (_, given, expected) => {
  expect(decide(given).decision).toMatchObject({ messageId: expected });
  expect(jobsOf(given)[0]?.messageId).toBe(expected);
});

test('edits are in order, do not overlap and lie inside of the header section, whatever it holds', () => {
  const piece = fc.constantFrom(
    'To',
    'Bcc',
    'From',
    ':',
    ' ',
    '\r\n',
    '\n',
    'a',
    'b!c',
    '@',
    '<',
    '>',
    ',',
    '"',
    '(',
    '.',
    '\u00e9',
    '\u0000',
  );
  fc.assert(
    fc.property(
      fc.string({ unit: piece, maxLength: 40 }),
      fc.constantFrom<'mx' | 'submission'>('mx', 'submission'),
      (content, client) => {
        const given = { content, client };
        for (const job of jobsOf(given)) {
          let end = 0;
          for (const edit of job.edits) {
            expect(edit.at).toBeGreaterThanOrEqual(end);
            end = edit.at + edit.remove;
            expect(end).toBeLessThanOrEqual(encodeUtf8(content).length);
          }
        }
        expect(sent(given).endsWith(content.slice(content.indexOf('\r\n\r\n') + 1 || content.length))).toBe(
          true,
        );
      },
    ),
    { numRuns: 2_000 },
  );
});
