import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BareLineEndError, toLineFeeds } from './line-ends.ts';

describe('line ends of files', () => {
  it('undo to what came, however the content was cut into chunks', async () => {
    const text = fc.array(fc.constantFrom('a', '\0', '\xff', '\r\n', '.', ''), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (parts, size) => {
        const content = Buffer.from(parts.join(''), 'latin1');

        const stored = await convert(content, size);

        expect(stored.includes('\r')).toBe(false);
        expect(stored.replaceAll('\n', '\r\n')).toBe(content.toString('latin1'));
      }),
    );
  });

  it.each(['\r', '\n', 'a\rb', 'a\nb\r\n', 'a\r\r\nb', 'a\r\n\nb', '\r\n\r', 'a\r\n\n', '\nb', '\r\n\rb'])(
    'are not changed when that could not be undone: %j',
    async (text) => {
      for (const size of [1, 2, 3, 100]) {
        await expect(convert(Buffer.from(text), size)).rejects.toThrow(BareLineEndError);
      }
    },
  );
});

async function convert(content: Buffer, chunkBytes: number): Promise<string> {
  async function* chunks() {
    for (let start = 0; start < content.length; start += chunkBytes) {
      yield content.subarray(start, start + chunkBytes);
    }
  }
  let stored = '';
  for await (const chunk of toLineFeeds(chunks())) stored += Buffer.from(chunk).toString('latin1');
  return stored;
}
