import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../bytes.ts';
import {
  defaultEnhancedStatus,
  formatEnhancedStatus,
  parseEnhancedStatus,
  splitEnhancedText,
} from './enhanced-status.ts';
import { type Reply, ReplyReader, formatReply, formatReplyText, parseReplyLine } from './reply.ts';

test.each([
  [250, '2.1.0', 'Ok', '250 2.1.0 Ok\r\n'],
  [220, undefined, 'mail.example.test ESMTP', '220 mail.example.test ESMTP\r\n'],
  [250, undefined, ['a', 'SIZE 1'], '250-a\r\n250 SIZE 1\r\n'],
  [550, '5.1.1', ['first', 'second'], '550-5.1.1 first\r\n550 5.1.1 second\r\n'],
  [250, undefined, [], '250 \r\n'],
  [550, '5.1.1', 'a\r\n250 forged\u0000', '550 5.1.1 a??250 forged?\r\n'],
] as const)('formats %i %s %j', (code, enhanced, text, wire) => {
  expect(formatReply(code, enhanced, text)).toBe(wire);
});

test('no line is longer than 512 octets, and nothing but spaces at breaks is lost', () => {
  const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 300 }), { maxLength: 12 });
  fc.assert(
    fc.property(words, (parts) => {
      const wire = formatReply(550, '5.7.1', parts.join(' '));
      const lines = wire.split('\r\n').slice(0, -1);
      for (const line of lines) expect(encodeUtf8(line).length).toBeLessThanOrEqual(510);
      expect(
        lines
          .map((line) => line.slice(10))
          .join('')
          .replaceAll(' ', ''),
      ).toBe(
        parts
          .join('')
          .replaceAll(/[\u0000-\u001f\u007f]/g, '?')
          .replaceAll(' ', ''),
      );
    }),
  );
});

test('what formatReply writes, ReplyReader reads', () => {
  const text = fc.string({ unit: fc.constantFrom(...'abc 123.-'), maxLength: 80 });
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 559 }),
      fc.array(text, { minLength: 1, maxLength: 8 }),
      (code, lines) => {
        const reader = new ReplyReader();
        const progress = formatReply(code, undefined, lines)
          .split('\r\n')
          .slice(0, -1)
          .map((line) => reader.push(line));

        expect(progress.slice(0, -1).every((each) => each === 'more')).toBe(true);
        expect(progress.at(-1)).toMatchObject({ code });
      },
    ),
  );
});

test.each([
  ['250 Ok', { code: 250, isLast: true, text: 'Ok' }],
  ['250-Ok', { code: 250, isLast: false, text: 'Ok' }],
  ['250', { code: 250, isLast: true, text: '' }],
  ['250 ', { code: 250, isLast: true, text: '' }],
  ['25 Ok', undefined],
  ['2500 Ok', undefined],
  ['650 Ok', undefined],
  ['HTTP/1.1 400 Bad Request', undefined],
])('reads the line %j', (line, expected) => {
  expect(parseReplyLine(line)).toEqual(expected);
});

test('collects replies of several lines, one after the other', () => {
  const reader = new ReplyReader();

  const answers = ['250-2.1.5 one\r', '250 2.1.5 two\r', '550 5.1.1 no'].map((line) => reader.push(line));

  expect(answers).toEqual([
    'more',
    { code: 250, enhanced: '2.1.5', lines: ['one', 'two'] },
    { code: 550, enhanced: '5.1.1', lines: ['no'] },
  ] satisfies (Reply | 'more')[]);
});

test('a changed code inside a reply is malformed', () => {
  const reader = new ReplyReader();
  reader.push('250-one');

  expect(reader.push('251 two')).toBe('malformed');
});

test('an endless reply keeps a bounded amount of memory', () => {
  const reader = new ReplyReader();
  for (let line = 0; line < 10_000; line += 1) reader.push(`250-${'x'.repeat(500)}`);

  const reply = reader.push('250 end');

  expect(typeof reply === 'string' ? 0 : reply.lines.join('').length).toBeLessThanOrEqual(16_384);
});

test('formats a reply as one line for a Diagnostic-Code field', () => {
  expect(formatReplyText({ code: 550, enhanced: '5.1.1', lines: ['no', 'user'] })).toBe('550 5.1.1 no user');
  expect(formatReplyText({ code: 250, enhanced: undefined, lines: [''] })).toBe('250');
});

test.each([
  ['5.1.1', { class: 5, subject: 1, detail: 1 }],
  ['2.999.0', { class: 2, subject: 999, detail: 0 }],
  ['3.1.1', undefined],
  ['5.1', undefined],
  ['5.1.1 x', undefined],
  ['5.1.1000', undefined],
])('parses the enhanced status code %j', (code, expected) => {
  const status = parseEnhancedStatus(code);

  expect(status).toEqual(expected);
  expect(status === undefined ? code : formatEnhancedStatus(status)).toBe(code);
});

test.each([
  [550, '5.1.1 gone', '5.1.1', 'gone'],
  [450, '5.1.1 gone', undefined, '5.1.1 gone'],
  [550, '5.1.1', '5.1.1', ''],
  [550, '5.1.1.1 address', undefined, '5.1.1.1 address'],
  [354, '3.0.0 go', undefined, '3.0.0 go'],
  [550, '5.1.1x', undefined, '5.1.1x'],
])('splits the text of %i %j', (code, text, enhanced, rest) => {
  expect(splitEnhancedText(code, text)).toEqual({ code: enhanced, text: rest });
});

test('a peer without enhanced codes gets the general one of its class', () => {
  expect([250, 354, 450, 550].map(defaultEnhancedStatus)).toEqual(['2.0.0', '4.0.0', '4.0.0', '5.0.0']);
});
