import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLatin1, encodeLatin1 } from '../bytes.ts';
import { HeaderEndFinder, fieldValue, parseHeaderSection } from './header-section.ts';

function headerBytes(content: string, size = content.length): number {
  const finder = new HeaderEndFinder();
  for (let start = 0; start < content.length; start += Math.max(size, 1)) {
    finder.push(encodeLatin1(content.slice(start, start + Math.max(size, 1))));
  }
  return finder.finish();
}

test.each([
  ['', 0],
  ['Subject: x\r\n\r\nbody\r\n', 14],
  ['Subject: x\n\nbody\n', 12],
  ['Subject: x\r\n', 12],
  ['Subject: x', 10],
  ['Subject: x\r\n folded\r\n\r\nbody', 23],
  ['Subject: x\r\n \r\n\r\nbody', 17],
  ['Subject : x\r\n\r\nbody', 15],
  ['Subject: x\r\ngarbage\r\n\r\nbody', 12],
  ['Subject: x\r\n: y\r\n\r\n', 12],
  ['Subject: x\r\nFoo bar: y\r\n\r\n', 12],
  ['Subject: x\r\nF\u00e9: y\r\n\r\n', 12],
  ['garbage\r\nSubject: x\r\n\r\n', 0],
  [' leading\r\nSubject: x\r\n\r\n', 0],
  ['\r\nbody', 2],
  ['\nbody', 1],
  ['\rbody', 0],
  ['Subject: x\r\n\r', 12],
  ['Subject: x\r\nFoo', 12],
  ['a: \u0000\r\n\r\n', 8],
])('the header section of %j has %i octets, wherever the chunks break', (content, expected) => {
  for (let size = 1; size <= content.length + 1; size += 1) expect(headerBytes(content, size)).toBe(expected);
});

test('the index of fields agrees with the finder about the end', () => {
  const pieces = fc.constantFrom('Subject', ':', ' ', '\t', '\r\n', '\n', '\r', 'x', '\u00e9', '\u0000');
  fc.assert(
    fc.property(fc.string({ unit: pieces, maxLength: 30 }), (content) => {
      const section = parseHeaderSection(encodeLatin1(content));
      expect(section.bodyStart).toBe(headerBytes(content, 3));
      let end = 0;
      for (const field of section.fields) {
        expect(field.start).toBe(end);
        end = field.end;
      }
      expect(section.fieldsEnd).toBe(end);
    }),
    { numRuns: 3_000 },
  );
});

test('fields are located with all their lines, names in lower case', () => {
  const octets = encodeLatin1('Received: a\r\n\tb\r\nSUBJECT : \u00e9\r\n\r\nTo: body\r\n');

  const { fields, fieldsEnd, bodyStart } = parseHeaderSection(octets);

  expect(fields.map(({ name }) => name)).toEqual(['received', 'subject']);
  expect(fields.map((field) => decodeLatin1(octets.subarray(field.start, field.end)))).toEqual([
    'Received: a\r\n\tb\r\n',
    'SUBJECT : \u00e9\r\n',
  ]);
  expect(fields.map((field) => fieldValue(octets, field))).toEqual(['a\tb', '\u00e9']);
  expect([fieldsEnd, bodyStart]).toEqual([30, 32]);
});

test('a header section of one endless line costs linear time', () => {
  const octets = encodeLatin1(`${'x'.repeat(2_000_000)}: y\r\n`);
  const startedAt = performance.now();

  parseHeaderSection(octets);
  new HeaderEndFinder().push(octets);

  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
