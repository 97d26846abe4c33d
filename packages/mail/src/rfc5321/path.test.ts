import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAddress } from './address.ts';
import { parseMailbox, parsePath, parsePathArgument } from './path.ts';

test.each([
  ['FROM:<alice@example.test>', 'alice@example.test', ''],
  ['from:<alice@example.test>', 'alice@example.test', ''],
  ['FROM: <alice@example.test>', 'alice@example.test', ''],
  ['FROM:<alice@example.test> SIZE=100 BODY=8BITMIME', 'alice@example.test', 'SIZE=100 BODY=8BITMIME'],
  ['FROM:alice@example.test SIZE=1', 'alice@example.test', 'SIZE=1'],
  ['FROM: alice@example.test', 'alice@example.test', ''],
  ['FROM:<>', '', ''],
  ['FROM:<> BODY=7BIT', '', 'BODY=7BIT'],
  ['FROM:< >', '', ''],
  ['FROM:<postmaster>', 'postmaster', ''],
  ['FROM:<@a.test,@b.test:alice@example.test>', 'alice@example.test', ''],
  ['FROM:<@a.test:alice@example.test>', 'alice@example.test', ''],
  ['FROM:<"alice"@example.test>', 'alice@example.test', ''],
  ['FROM:<"a b"@example.test> SIZE=1', '"a b"@example.test', 'SIZE=1'],
  ['FROM:<"a>b"@example.test>', '"a>b"@example.test', ''],
  ['FROM:<"a\\"b"@example.test>', '"a\\"b"@example.test', ''],
  ['FROM:<"a@b"@example.test>', '"a@b"@example.test', ''],
  ['FROM:<a\\@b@example.test>', '"a@b"@example.test', ''],
  ['FROM:<"a"."b"@example.test>', 'a.b@example.test', ''],
  ['FROM:<a..b@example.test>', '"a..b"@example.test', ''],
  ['FROM:<alice@example.test.>', 'alice@example.test', ''],
  ['FROM:<alice@[192.0.2.1]>', 'alice@[192.0.2.1]', ''],
  ['FROM:<alice@[IPv6:2001:db8::1]>', 'alice@[IPv6:2001:db8::1]', ''],
  ['FROM:<alice@[IPv6:::ffff:192.0.2.1]>', 'alice@[IPv6:::ffff:192.0.2.1]', ''],
  ['FROM:<alice@my_host.test>', 'alice@my_host.test', ''],
  ['FROM:<élan@bücher.test> SMTPUTF8', 'élan@bücher.test', 'SMTPUTF8'],
  ['FROM:<""@example.test>', '""@example.test', ''],
  ['FROM:<alice(comment)@example.test>', 'alice@example.test', ''],
  ['FROM:<alice @example.test>', 'alice@example.test', ''],
  ['FROM:<<alice@example.test>>', 'alice@example.test', ''],
  ['FROM:<host!user>', 'host!user', ''],
  ['FROM:<Alice@EXAMPLE.test>', 'Alice@EXAMPLE.test', ''],
])('reads the reverse-path of %j', (argument, address, parameters) => {
  const result = parsePathArgument(argument, 'FROM');

  expect(result).toMatchObject({ path: { address, isNull: address === '' }, parameters });
});

test.each([
  ['', 'keyword'],
  ['FROM:', 'keyword'],
  ['FROM: ', 'keyword'],
  ['FROM', 'keyword'],
  ['FROM :<a@b.test>', 'keyword'],
  ['TO:<a@b.test>', 'keyword'],
  ['<a@b.test>', 'keyword'],
  ['FROM:<a@b.test', 'address'],
  ['FROM:<"a@b.test>', 'address'],
  ['FROM:"', 'address'],
  ['FROM:<a@>', 'address'],
  ['FROM:<a@b..test>', 'address'],
  ['FROM:<a@.test>', 'address'],
  ['FROM:<a@b.test..>', 'address'],
  ['FROM:<a@-b.test>', 'address'],
  ['FROM:<a@b.test,c@d.test>', 'address'],
  ['FROM:<a@[192.0.2.256]>', 'address'],
  ['FROM:<a@[192.0.2.1>', 'address'],
  ['FROM:<a@[IPv6:1::2::3]>', 'address'],
  ['FROM:<a@192.0.2.1>', 'address'],
  ['FROM:<a b@c.test>', 'address'],
  ['FROM:<a@b.test>x', 'address'],
  ['FROM:<a\u0000b@c.test>', 'address'],
  ['FROM:<"a\rb"@c.test>', 'address'],
  ['FROM:<"a\\\nb"@c.test>', 'address'],
  ['FROM:<"a\tb"@c.test>', 'address'],
  ['FROM:<"a\u007fb"@c.test>', 'address'],
  ['FROM:<@a.test;b@c.test>', 'address'],
  ['FROM:<"a"b@c.test>', 'address'],
  ['FROM:<a"b"@c.test>', 'address'],
  ['FROM:<"a""b"@c.test>', 'address'],
  ['FROM:<-a@c.test>', 'address'],
  ['FROM:<"-a"@c.test>', 'address'],
  ['FROM:<-a>', 'address'],
  [`FROM:<a@${'x'.repeat(64)}.test>`, 'address'],
  [`FROM:<a@${'x.'.repeat(130)}test>`, 'address'],
])('refuses %j as %s', (argument, problem) => {
  expect(parsePathArgument(argument, 'FROM')).toEqual({ problem });
});

test('white space belongs to no local-part, except before the @', () => {
  expect(parseMailbox('alice  @example.test')?.address).toBe('alice@example.test');
  expect(parseMailbox('a\\@ ')).toBeUndefined();
  expect(parseMailbox(' alice@example.test')).toBeUndefined();
});

test('reads the forward-path after TO', () => {
  expect(parsePathArgument('TO:<bob@example.test> NOTIFY=NEVER', 'TO')).toMatchObject({
    path: { localPart: 'bob', domain: 'example.test', isAscii: true },
    parameters: 'NOTIFY=NEVER',
  });
});

test('says when an address needs SMTPUTF8', () => {
  expect(parsePath('<élan@example.test>')?.isAscii).toBe(false);
  expect(parsePath('<elan@xn--bcher-kva.test>')?.isAscii).toBe(true);
});

test('the canonical text reads back as itself', () => {
  const printable = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(printable, (localPart) => {
      const address = formatAddress(localPart, 'example.test');
      const first = parsePath(`<${address}>`);
      // oxlint-disable-next-line no-control-regex -- control characters are what must be refused
      const isClean = !/[\u0000-\u001f\u007f]/.test(localPart);
      const isTaken = isClean && !localPart.startsWith('-');
      expect(first?.address).toBe(isTaken ? address : undefined);
      expect(first?.localPart).toBe(isTaken ? localPart : undefined);
    }),
  );
});

test('never throws, and an accepted address is stable under a second reading', () => {
  const hostile = fc.string({ unit: fc.constantFrom(...'<>@"\\.,:;()[] ab\u00e9\u0000'), maxLength: 40 });
  fc.assert(
    fc.property(hostile, (text) => {
      const result = parsePathArgument(`TO:${text}`, 'TO');
      if ('problem' in result || result.path.isNull) return;
      expect(parsePath(`<${result.path.address}>`)).toEqual(result.path);
    }),
    { numRuns: 2_000 },
  );
});

test.each(['"', '\\', '<', '<"', '@a.test,', 'a.', '[', '"\\', '(', ' ', '()'])(
  'takes 200 kB of %j in linear time',
  (piece) => {
    const startedAt = performance.now();

    parsePathArgument(`TO:<${piece.repeat(200_000 / piece.length)}>`, 'TO');

    expect(performance.now() - startedAt).toBeLessThan(1_000);
  },
);

test.each([
  ['<x@y@z.test>', '"x@y"@z.test'],
  ['<@z.test>', '""@z.test'],
])('reads %j as Postfix does', (token, address) => {
  expect(parsePath(token)?.address).toBe(address);
});
