import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../bytes.ts';
import { parseHeaderSection } from '../rfc5322/header-section.ts';
import { type Report, type ReportFacts, composeReport } from './report.ts';

const arrivalMs = Date.UTC(2026, 10, 21, 6, 0, 0);

const failure: ReportFacts = {
  kind: 'failure',
  hostname: 'mail.example.test',
  queueId: '0B1bkZ8wVzCNpZPZ',
  messageId: '<20261121060504.0B1bkZ8wVzCNpZPZ@mail.example.test>',
  timeMs: Date.UTC(2026, 10, 21, 6, 5, 4),
  boundary: '0B1bkZ8wVzCNpZPZ/mail.example.test',
  original: {
    queueId: '0B1bkYzzVzCNpZPQ',
    reversePath: 'alice@example.test',
    arrivalMs,
    envid: 'QQ+2B1',
    smtputf8: false,
    is8Bit: false,
  },
  recipients: [
    {
      original: 'bob@partner.test',
      final: 'bob@partner.test',
      status: {
        code: '5.1.1',
        text: 'host mx.partner.test[192.0.2.7] said: 550 5.1.1 <bob@partner.test>: no such user here (in reply to RCPT TO command)',
        diagnostic: {
          type: 'smtp',
          text: '550 5.1.1 <bob@partner.test>: no such user here, and none of that name ever was',
        },
        remoteMta: 'mx.partner.test',
      },
    },
    {
      original: 'team@example.test',
      final: 'carol@partner.test',
      orcpt: 'rfc822;the+2Bteam@example.test',
      status: { code: '5.4.6', text: 'mail for partner.test loops back to myself' },
    },
  ],
  returned: 'full',
};

const delay: ReportFacts = {
  ...failure,
  kind: 'delay',
  timeMs: arrivalMs + 4 * 3_600_000,
  willRetryUntilMs: arrivalMs + 5 * 86_400_000,
  returned: 'headers',
  original: { ...failure.original, is8Bit: true, envid: undefined },
  recipients: [
    {
      original: 'bob@partner.test',
      final: 'bob@partner.test',
      status: { code: '4.4.1', text: 'connect to mx.partner.test[192.0.2.7]:25: Connection timed out' },
    },
  ],
};

const success: ReportFacts = {
  ...failure,
  kind: 'success',
  returned: 'headers',
  recipients: [
    {
      original: 'bob@example.test',
      final: 'bob@example.test',
      orcpt: 'rfc822;Bob+2Bx@example.test',
      action: 'delivered',
      status: { code: '2.0.0', text: 'delivery via mailbox: delivered to maildir' },
    },
    {
      original: 'carol@partner.test',
      final: 'carol@partner.test',
      action: 'relayed',
      status: {
        code: '2.0.0',
        text: 'delivery via mx.partner.test[192.0.2.7]:25: 250 2.0.0 Ok',
        diagnostic: { type: 'smtp', text: '250 2.0.0 Ok' },
        remoteMta: 'mx.partner.test',
      },
    },
    {
      original: 'team@example.test',
      final: 'team@example.test',
      action: 'expanded',
      status: { code: '2.0.0', text: 'alias expanded' },
    },
  ],
};

const international: ReportFacts = {
  ...failure,
  original: { ...failure.original, reversePath: 'élan@bücher.test', smtputf8: true },
  recipients: [
    {
      original: 'jörg@example.test',
      final: 'jörg@example.test',
      orcpt: 'utf-8;j\\x{F6}rg@example.test',
      status: { code: '5.1.1', text: 'kein Postfach für jörg' },
    },
  ],
};

function textOf(report: Report): string {
  return decodeUtf8(report.before) + '(returned content)\r\n' + decodeUtf8(report.after);
}

test.each([
  ['failure', failure],
  ['delay', delay],
  ['success', success],
  ['international', international],
] as const)('the %s report is word for word the golden file', async (name, facts) => {
  const text = textOf(composeReport(facts));

  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  await expect(text.replaceAll('\r\n', '\n')).toMatchFileSnapshot(`testdata/${name}.eml`);
});

test('the header section is as long as it says', () => {
  const report = composeReport(failure);

  expect(parseHeaderSection(report.before).bodyStart).toBe(report.headerBytes);
});

test('what stays ASCII needs neither SMTPUTF8 nor 8BITMIME', () => {
  expect(composeReport(failure)).toMatchObject({ smtputf8: false, body: '7BIT' });
  expect(composeReport(delay)).toMatchObject({ smtputf8: false, body: '8BITMIME' });
  expect(composeReport(international)).toMatchObject({ smtputf8: true, body: '8BITMIME' });
});

/** Controls, ASCII, scripts of two and three octets; no surrogates. */
const anyCharacter = fc.integer({ min: 0, max: 0x2fff }).map((point) => String.fromCodePoint(point));

test('a remote reply cannot break out of its field, and without SMTPUTF8 nothing beyond ASCII leaves', () => {
  const lines = textOf(composeReport(failure)).split('\r\n').length;
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 20 }), (text) => {
      const recipients = [
        {
          original: 'a@b.test',
          final: 'a@b.test',
          status: { code: '5.0.0', text: '', remoteMta: text, diagnostic: { type: 'smtp', text } },
        },
      ] as const;
      const report = composeReport({ ...failure, recipients });
      expect(encodeUtf8(textOf(report)).every((octet) => octet < 128)).toBe(true);
      expect(textOf(report).split('\r\n').length).toBeLessThanOrEqual(lines);
      expect(textOf(report).match(/^Status: /gm)).toHaveLength(1);
    }),
  );
});
