import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLatin1, encodeLatin1 } from '../bytes.ts';
import { DotEncoder } from './dot-stuffing.ts';

function encode(chunks: readonly string[]): string {
  const encoder = new DotEncoder();
  const slices = chunks.flatMap((chunk) => encoder.encode(encodeLatin1(chunk)));
  return [...slices, encoder.finish()].map(decodeLatin1).join('');
}

/** What a reader by the book makes of it (RFC 5321 section 4.5.2): lines up to the dot, one dot off each that starts with one. */
function decode(wire: string): { content: string; rest: string } {
  const end = wire.startsWith('.\r\n') ? 0 : wire.indexOf('\r\n.\r\n') + 2;
  const content = wire.slice(0, end).replace(/(^|\r\n)\./g, '$1');
  return { content, rest: wire.slice(end + 3) };
}

/** Every way to cut a text into three pieces. */
function cuts(text: string): string[][] {
  const all: string[][] = [];
  for (let first = 0; first <= text.length; first += 1) {
    for (let second = first; second <= text.length; second += 1) {
      all.push([text.slice(0, first), text.slice(first, second), text.slice(second)]);
    }
  }
  return all;
}

test.each([
  ['', '.\r\n'],
  ['a\r\n', 'a\r\n.\r\n'],
  ['a', 'a\r\n.\r\n'],
  ['.', '..\r\n.\r\n'],
  ['.\r\n', '..\r\n.\r\n'],
  ['..\r\n.a\r\n', '...\r\n..a\r\n.\r\n'],
  ['a.b\r\n.', 'a.b\r\n..\r\n.\r\n'],
  ['a\n.\r\n', 'a\n..\r\n.\r\n'],
  ['a\n', 'a\n\r\n.\r\n'],
  ['a\r', 'a\r\r\n.\r\n'],
  ['a\r.b\r\n', 'a\r.b\r\n.\r\n'],
])('sends %j as %j wherever the chunks break', (content, wire) => {
  for (const chunks of cuts(content)) expect(encode(chunks)).toBe(wire);
});

const octets = fc.string({ unit: fc.constantFrom('.', '.', '\r', '\n', '\r\n', 'a'), maxLength: 30 });

test('content in CRLF lines survives stuffing in any chunks and unstuffing by the book', () => {
  const lines = fc.array(fc.string({ unit: fc.constantFrom('.', 'a', '\r'), maxLength: 5 }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 7 }), (parts, size) => {
      const content = parts.map((line) => `${line}\r\n`).join('');
      const wire = `${encode(pieces(content, size))}NEXT`;
      expect(decode(wire)).toEqual({ content, rest: 'NEXT' });
    }),
  );
});

test('what is sent never ends early for a reader of bare line feeds, nor depends on the chunks', () => {
  fc.assert(
    fc.property(octets, fc.integer({ min: 1, max: 5 }), (content, size) => {
      const wire = encode(pieces(content, size));
      expect(wire).toBe(encode([content]));
      expect(wire.search(/(?:^|\n)\.\r?\n/)).toBe(wire.length - (wire === '.\r\n' ? 3 : 4));
    }),
  );
});

test('slices are views, so that no body is copied', () => {
  const chunk = encodeLatin1('a\r\n.b\r\n');

  const slices = new DotEncoder().encode(chunk);

  expect(slices.every((slice) => slice.buffer === chunk.buffer)).toBe(true);
});

function pieces(text: string, size: number): string[] {
  const result: string[] = [];
  for (let start = 0; start < text.length; start += size) result.push(text.slice(start, start + size));
  return result;
}
