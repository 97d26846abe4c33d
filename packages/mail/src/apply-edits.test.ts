/** Splices against their plain definition: cut the whole text, whatever the chunks were. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEdits, createEditApplier, editedBytes } from './apply-edits.ts';
import { decodeLatin1, encodeLatin1, encodeUtf8 } from './bytes.ts';
import type { HeaderEdit } from './header-edit.ts';

async function* chunksOf(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function edited(content: string, edits: readonly HeaderEdit[], size: number): Promise<string> {
  let text = '';
  for await (const chunk of applyEdits(chunksOf(encodeLatin1(content), size), edits))
    text += decodeLatin1(chunk);
  return text;
}

const content = 'Received: a\r\nBcc: hidden@example.test\r\nSubject: x\r\n\r\nbody\r\n';

describe('applyEdits', () => {
  it.each([1, 2, 3, 7, 12, 13, 14, 1000])('replaces, removes and inserts with chunks of %i', async (size) => {
    const edits = [
      { at: 0, remove: 0, insert: 'Received: new\r\n' },
      { at: 13, remove: 26, insert: '' },
      { at: 39, remove: 10, insert: 'Subject: y' },
      { at: 51, remove: 0, insert: 'Date: now\r\n' },
    ];

    expect(await edited(content, edits, size)).toBe(
      'Received: new\r\nReceived: a\r\nSubject: y\r\nDate: now\r\n\r\nbody\r\n',
    );
  });

  it('inserts at the very end', async () => {
    expect(await edited('A: b', [{ at: 4, remove: 0, insert: '\r\n' }], 2)).toBe('A: b\r\n');
  });

  it('keeps the chunk itself when nothing is edited', () => {
    const chunk = encodeLatin1(content);

    expect(createEditApplier([]).push(chunk)[0]?.buffer).toBe(chunk.buffer);
  });

  it('refuses edits that overlap', () => {
    const edits = [
      { at: 0, remove: 5, insert: '' },
      { at: 4, remove: 1, insert: '' },
    ];

    expect(() => createEditApplier(edits)).toThrow(RangeError);
  });

  it('equals cutting the whole content, for any edits and chunk sizes', async () => {
    const gaps = fc.array(
      fc.record({
        gap: fc.nat(9),
        remove: fc.nat(6),
        insert: fc.string({ maxLength: 5, unit: 'grapheme-ascii' }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.stringMatching(/^[a-z]{0,60}$/),
        gaps,
        fc.integer({ min: 1, max: 20 }),
        async (text, list, size) => {
          const edits: HeaderEdit[] = [];
          let at = 0;
          for (const each of list) {
            at += each.gap;
            if (at + each.remove > text.length) break;
            edits.push({ at, remove: each.remove, insert: each.insert });
            at += each.remove;
          }
          let expected = text;
          for (const edit of edits.toReversed())
            expected = expected.slice(0, edit.at) + edit.insert + expected.slice(edit.at + edit.remove);

          expect(await edited(text, edits, size)).toBe(expected);
          expect(editedBytes(text.length, edits)).toBe(encodeUtf8(expected).length);
        },
      ),
    );
  });
});
