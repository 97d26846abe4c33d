import fc from 'fast-check';
import { expect, test } from 'vitest';
import { locateAddresses } from './address-list.ts';

function addressesIn(text: string): string[] {
  return locateAddresses(text).map((found) => {
    const local = text.slice(found.localStart, found.localEnd);
    if (found.domainStart === undefined) return local;
    return `${local} AT ${text.slice(found.domainStart, found.domainEnd)}`;
  });
}

test.each([
  ['alice@example.test', ['alice AT example.test']],
  [' alice ', ['alice']],
  ['a, b@c.test,d', ['a', 'b AT c.test', 'd']],
  ['Alice Smith <alice>', ['alice']],
  ['"Smith, Alice" <alice@example.test>', ['alice AT example.test']],
  ['=?utf-8?q?J=C3=B6rg?= <joerg@example.test>', ['joerg AT example.test']],
  ['alice (Smith, (the) \\) one), bob', ['alice', 'bob']],
  ['alice @ example.test', ['alice AT example.test']],
  ['alice@example.test.', ['alice AT example.test']],
  ['alice@example.test (comment).', ['alice AT example.test']],
  ['"a b"@example.test', ['"a b" AT example.test']],
  ['first.last', ['first.last']],
  ['first.last@example . test', ['first.last AT example . test']],
  ['Friends: a, b@c.test;, d', ['a', 'b AT c.test', 'd']],
  ['undisclosed-recipients:;', []],
  ['<@relay.test,@other.test:bob@example.test>', ['bob AT example.test']],
  ['<@relay.test:bob>', ['bob']],
  ['alice@[192.0.2.1]', ['alice AT [192.0.2.1]']],
  ['alice@[IPv6:2001:db8::1]', ['alice AT [IPv6:2001:db8::1]']],
  ['host!user', ['host!user']],
  ['a,\r\n\tb,\r\n c', ['a', 'b', 'c']],
  ['', []],
  [',,', []],
  ['<>', []],
  ['John Doe', []],
  ['John Doe, bob', ['bob']],
  ['<alice', []],
  ['alice>', []],
  ['alice@', []],
  ['@example.test', []],
  ['a@b@c.test', []],
  ['<alice> bob', []],
  ['"alice\r\n', []],
  ['"alice@example.test\r\n', []],
  ['bob, "alice\r\n', ['bob']],
  ['[alice\r\n', []],
  ['alice\\\r\n', []],
  ['alice@[192.0.2.1\r\n', []],
  ['alice (Smith\r\n', []],
  ['[192.0.2.1]', []],
])('finds the addresses in %j', (text, expected) => {
  expect(addressesIn(text)).toEqual(expected);
});

test('finds every mailbox of a list that is written by the book', () => {
  const atom = fc.string({ unit: fc.constantFrom(...'abcz09-'), minLength: 1, maxLength: 8 });
  const display = fc.constantFrom('', 'Bob ', '"B, ob" ', '=?utf-8?q?B=C3=B6b?= ', '(b) ');
  const mailbox = fc.record({ display, local: atom, domain: fc.option(atom) });
  fc.assert(
    fc.property(fc.array(mailbox, { maxLength: 6 }), (mailboxes) => {
      const text = mailboxes
        .map(({ display: name, local, domain }) => {
          const address = domain === null ? local : `${local}@${domain}.test`;
          return name === '' ? address : `${name}<${address}>`;
        })
        .join(',\r\n ');
      const expected = mailboxes.map(({ local, domain }) =>
        domain === null ? local : `${local} AT ${domain}.test`,
      );
      expect(addressesIn(text)).toEqual(expected);
    }),
  );
});

test('offsets are in order and inside the text, whatever it holds', () => {
  const hostile = fc.string({ unit: fc.constantFrom(...'<>@"\\.,:;()[] a\r\n\u00e9'), maxLength: 50 });
  fc.assert(
    fc.property(hostile, (text) => {
      let end = 0;
      for (const found of locateAddresses(text)) {
        expect(found.localStart).toBeGreaterThanOrEqual(end);
        expect(found.localEnd).toBeGreaterThan(found.localStart);
        expect(found.end).toBeGreaterThanOrEqual(found.domainEnd ?? found.localEnd);
        end = found.end;
        // Between a CR and its LF, or behind the field, nothing may ever be spliced in.
        expect(text.slice(found.localStart, found.localEnd)).not.toMatch(/[\r\n]$/);
      }
      expect(end).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 3_000 },
  );
});

test.each(['(', '<', '"', 'a ', '@', ',', 'a.', ':', '\\', '<a>', '[', ')'])(
  'takes 200 kB of %j in linear time',
  (piece) => {
    const startedAt = performance.now();

    locateAddresses(piece.repeat(200_000 / piece.length));

    expect(performance.now() - startedAt).toBeLessThan(2_000);
  },
);
