import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDate } from './date.ts';
import { foldField, wordsOf } from './fold.ts';
import { formatMessageId } from './message-id.ts';
import { type ReceivedFacts, formatReceived } from './received.ts';

const timeMs = Date.UTC(2026, 10, 21, 6, 5, 4);

test('a date is RFC 5322 in UTC', () => {
  expect(formatDate(timeMs)).toBe('Sat, 21 Nov 2026 06:05:04 +0000 (UTC)');
  expect(formatDate(0)).toBe('Thu, 1 Jan 1970 00:00:00 +0000 (UTC)');
});

test('a date reads back as the second it was made from', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
      expect(Date.parse(formatDate(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});

test('a message id holds time, queue id and host', () => {
  expect(formatMessageId(timeMs, 'Q1', 'mail.example.test')).toBe('<20261121060504.Q1@mail.example.test>');
});

const facts: ReceivedFacts = {
  client: { helo: 'client.test', name: 'unknown', address: '192.0.2.1', protocol: 'ESMTP' },
  hostname: 'mail.example.test',
  queueId: 'Q1',
  recipient: 'bob@example.test',
  timeMs,
};

test('Received of one recipient names it, as Postfix does', () => {
  expect(formatReceived(facts)).toBe(
    'Received: from client.test (unknown [192.0.2.1])\r\n' +
      '\tby mail.example.test (Railpost) with ESMTP id Q1\r\n' +
      '\tfor <bob@example.test>; Sat, 21 Nov 2026 06:05:04 +0000 (UTC)\r\n',
  );
});

test('Received of several recipients names none of them', () => {
  const client = {
    ...facts.client,
    address: '2001:db8::1',
    protocol: 'ESMTPSA',
    tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    login: 'alice@example.test',
  };

  expect(formatReceived({ ...facts, client, recipient: undefined, showLogin: true })).toBe(
    'Received: from client.test (unknown [IPv6:2001:db8::1])\r\n' +
      '\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n' +
      '\t(Authenticated sender: alice@example.test)\r\n' +
      '\tby mail.example.test (Railpost) with ESMTPSA id Q1; Sat, 21 Nov 2026 06:05:04 +0000 (UTC)\r\n',
  );
});

test('Received of mail that we made has no client', () => {
  expect(formatReceived({ ...facts, client: { ...facts.client, address: '' } })).toBe(
    'Received: by mail.example.test (Railpost)\r\n\tid Q1; Sat, 21 Nov 2026 06:05:04 +0000 (UTC)\r\n',
  );
});

test('nothing that a client says can add a line or end a comment', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (helo) => {
      const text = formatReceived({ ...facts, client: { ...facts.client, helo } });
      expect(text.split('\r\n')).toHaveLength(4);
      expect(text.split('\r\n')[0]).toMatch(/^Received: from [^\s()<>;@"\\]+ \(unknown \[192\.0\.2\.1\]\)$/);
    }),
  );
});

test('folding keeps lines short and words whole', () => {
  const word = fc.string({ unit: fc.constantFrom(...'abc.;'), minLength: 1, maxLength: 90 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      const text = foldField('Diagnostic-Code', words);
      const lines = text.slice(0, -2).split('\r\n');
      expect(text.replace(/\r\n\t/g, ' ')).toBe(
        `Diagnostic-Code:${words.map((each) => ` ${each}`).join('')}\r\n`,
      );
      for (const line of lines.slice(1)) {
        expect(line.length <= 78 || !line.slice(1).includes(' ')).toBe(true);
      }
    }),
  );
});

test('words for folding hold no control characters', () => {
  expect(wordsOf(' a\r\nb  c ')).toEqual(['a??b', 'c']);
});
