import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeLatin1, encodeUtf8 } from '../bytes.ts';
import { asciiUpperCase, parseCommandLine } from './command.ts';

test.each([
  ['EHLO example.test', 'EHLO', 'example.test'],
  ['ehlo  example.test  ', 'EHLO', 'example.test'],
  ['  NOOP', 'NOOP', ''],
  ['DATA\t', 'DATA', ''],
  ['', '', ''],
  ['   ', '', ''],
  ['MAIL FROM:<a@b.test> SIZE=1', 'MAIL', 'FROM:<a@b.test> SIZE=1'],
  ['MAIL\tFROM:<a@b.test>', 'MAIL', 'FROM:<a@b.test>'],
])('reads %j as verb and argument', (line, verb, argument) => {
  const command = parseCommandLine(encodeUtf8(line));

  expect(command).toEqual({ verb, argument, charset: 'ascii', hasNul: false });
});

test('keeps UTF-8 in arguments and says so', () => {
  const command = parseCommandLine(encodeUtf8('MAIL FROM:<élan@b.test>'));

  expect(command).toMatchObject({ argument: 'FROM:<élan@b.test>', charset: 'utf-8' });
});

test('keeps octets that are no UTF-8 one to one', () => {
  const command = parseCommandLine(encodeLatin1('MAIL FROM:<\u00e9@b.test>'));

  expect(command).toMatchObject({ argument: 'FROM:<\u00e9@b.test>', charset: 'other' });
});

test('a byte order mark is content', () => {
  expect(parseCommandLine(encodeUtf8('\ufeffEHLO x')).verb).toBe('\ufeffEHLO');
});

test('reports a NUL anywhere in the line', () => {
  expect(parseCommandLine(encodeUtf8('EHLO a\u0000b')).hasNul).toBe(true);
});

test('does not make keywords out of letters that only look like them in upper case', () => {
  expect(asciiUpperCase('maıl ſize')).toBe('MAıL ſIZE');
});

test('accepts any octets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (line) => {
      const command = parseCommandLine(line);
      expect(command.verb).not.toMatch(/[ \t\r\n]/);
      expect(command.hasNul).toBe(line.includes(0));
    }),
  );
});

test('takes a megabyte of white space in linear time', () => {
  const startedAt = performance.now();

  parseCommandLine(encodeUtf8(`NOOP ${' '.repeat(1_000_000)}x${' '.repeat(1_000_000)}`));

  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
