import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatAddress,
  lowerCaseDomain,
  quoteLocalPart,
  splitAddress,
  splitRecipientDelimiter,
  unquoteLocalPart,
} from './address.ts';

test.each([
  ['alice@example.test', 'alice', 'example.test'],
  ['postmaster', 'postmaster', undefined],
  ['"a@b"@example.test', '"a@b"', 'example.test'],
  ['"a@b"', '"a@b"', undefined],
  ['"a\\"@b"@[192.0.2.1]', '"a\\"@b"', '[192.0.2.1]'],
  ['a@b@example.test', 'a@b', 'example.test'],
  ['', '', undefined],
])('splits %j at the last unquoted @', (address, localPart, domain) => {
  expect(splitAddress(address)).toEqual({ localPart, domain });
});

test('lower-cases the domain and nothing else', () => {
  expect(lowerCaseDomain('Alice@EXAMPLE.Test')).toBe('Alice@example.test');
  expect(lowerCaseDomain('"A@B"@C.Test')).toBe('"A@B"@c.test');
  expect(lowerCaseDomain('Postmaster')).toBe('Postmaster');
});

test.each([
  ['alice', 'alice'],
  ['a.b', 'a.b'],
  ['a..b', '"a..b"'],
  ['.a', '".a"'],
  ['a.', '"a."'],
  ['a b', '"a b"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['élan', 'élan'],
  ['', '""'],
])('quotes the local-part %j only where RFC 5321 needs it', (raw, quoted) => {
  expect(quoteLocalPart(raw)).toBe(quoted);
});

/** Controls, ASCII, scripts of two and three octets; no surrogates. */
const anyCharacter = fc.integer({ min: 0, max: 0x2fff }).map((point) => String.fromCodePoint(point));

test('unquoting undoes quoting, and the address still splits in the same place', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 40 }), (raw) => {
      const address = formatAddress(raw, 'example.test');
      const parts = splitAddress(address);
      expect(parts.domain).toBe('example.test');
      expect(unquoteLocalPart(parts.localPart)).toBe(raw);
    }),
  );
});

test.each([
  ['alice+news', '+', 'alice', '+news'],
  ['alice+a+b', '+', 'alice', '+a+b'],
  ['alice-x+y', '+-', 'alice', '-x+y'],
  ['+alice', '+', '+alice', undefined],
  ['alice', '+', 'alice', undefined],
  ['alice+', '+', 'alice', '+'],
  ['owner-list', '-', 'owner-list', undefined],
  ['list-request', '-', 'list-request', undefined],
  ['MAILER-DAEMON', '-', 'MAILER-DAEMON', undefined],
  ['alice+x', '', 'alice+x', undefined],
])('splits %j at delimiters %j', (localPart, delimiters, base, extension) => {
  expect(splitRecipientDelimiter(localPart, delimiters)).toEqual({ base, extension });
});
