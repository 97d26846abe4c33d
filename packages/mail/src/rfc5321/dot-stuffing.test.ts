import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLatin1, encodeLatin1 } from '../bytes.ts';
import { DotDecoder, DotEncoder } from './dot-stuffing.ts';

function encode(chunks: readonly string[]): string {
  const encoder = new DotEncoder();
  const slices = chunks.flatMap((chunk) => encoder.encode(encodeLatin1(chunk)));
  return [...slices, encoder.finish()].map(decodeLatin1).join('');
}

function decode(chunks: readonly string[]): { content: string; rest: string; isEnd: boolean } {
  const decoder = new DotDecoder();
  let content = '';
  for (const [index, chunk] of chunks.entries()) {
    const { slices, consumedBytes, isEnd } = decoder.decode(encodeLatin1(chunk));
    content += slices.map(decodeLatin1).join('');
    if (isEnd) return { content, rest: chunk.slice(consumedBytes) + chunks.slice(index + 1).join(''), isEnd };
  }
  return { content, rest: '', isEnd: false };
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

test.each([
  ['.\r\nQUIT', '', 'QUIT'],
  ['a\r\n.\r\nMAIL', 'a\r\n', 'MAIL'],
  ['..a\r\n.\r\n', '.a\r\n', ''],
  ['.a\r\n.\r\n', 'a\r\n', ''],
  ['a\n.\nb\r\n.\r\n', 'a\n.\nb\r\n', ''],
  ['a\n.\r\nb\r\n.\r\n', 'a\n.\r\nb\r\n', ''],
  ['a\r.\r\r\n.\r\n', 'a\r.\r\r\n', ''],
  ['.\rb\r\n.\r\n', '\rb\r\n', ''],
  ['.\r\r\n.\r\n', '\r\r\n', ''],
  ['\r\r\n.\r\n', '\r\r\n', ''],
])('reads %j wherever the chunks break', (wire, content, rest) => {
  for (const chunks of cuts(wire)) expect(decode(chunks)).toEqual({ content, rest, isEnd: true });
});

test.each(['', 'a', '\r\n', 'a\r\n.', 'a\r\n.\r', '.\n.\r.'])('%j has no end of data', (wire) => {
  for (const chunks of cuts(wire)) expect(decode(chunks).isEnd).toBe(false);
});

const octets = fc.string({ unit: fc.constantFrom('.', '.', '\r', '\n', '\r\n', 'a'), maxLength: 30 });

test('content in CRLF lines survives stuffing and unstuffing in any chunks', () => {
  const lines = fc.array(fc.string({ unit: fc.constantFrom('.', 'a', '\r'), maxLength: 5 }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 7 }), (parts, size) => {
      const content = parts.map((line) => `${line}\r\n`).join('');
      const wire = `${encode(pieces(content, size))}NEXT`;
      expect(decode(pieces(wire, size + 1))).toEqual({ content, rest: 'NEXT', isEnd: true });
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
