import { describe, expect, it } from 'vitest';
import { dropReturnPath, traceFields } from './trace-fields.ts';

describe('trace fields of final delivery', () => {
  it('name sender, original and final recipient in the order of virtual(8)', () => {
    const fields = traceFields('bob@example.test', {
      original: 'team@example.test',
      final: 'alice@example.test',
    });

    expect(Buffer.from(fields).toString()).toBe(
      'Return-Path: <bob@example.test>\r\nX-Original-To: team@example.test\r\nDelivered-To: alice@example.test\r\n',
    );
  });

  it('write the null reverse-path as <>, and never a second field', () => {
    const fields = traceFields('', { original: 'a@b\r\nBcc: x', final: 'a@b' });

    expect(Buffer.from(fields).toString()).toBe(
      'Return-Path: <>\r\nX-Original-To: a@b??Bcc: x\r\nDelivered-To: a@b\r\n',
    );
  });
});

describe('Return-Path fields that a message brought along', () => {
  const header = 'return-path : <x>\r\n folded\r\nSubject: s\r\nReturn-Path: <y>\r\n\r\n';
  const body = 'Return-Path: <stays>\r\n';

  it.each([1, 2, 7, 1000])(
    'are dropped from the header section alone (chunks of %i octets)',
    async (size) => {
      const content = await dropped(header + body, header.length, size);

      expect(content).toBe(`Subject: s\r\n\r\n${body}`);
    },
  );

  it('need no body, and no header section', async () => {
    expect(await dropped('Return-Path: <x>\r\n', 18, 5)).toBe('');
    expect(await dropped('', 0, 5)).toBe('');
    expect(await dropped('\r\nReturn-Path: <stays>\r\n', 2, 5)).toBe('\r\nReturn-Path: <stays>\r\n');
    expect(await dropped('Return-Path: <x>\r\nno field\r\n', 18, 1000)).toBe('no field\r\n');
  });
});

async function dropped(text: string, headerBytes: number, chunkBytes: number): Promise<string> {
  async function* chunks() {
    const octets = Buffer.from(text);
    for (let start = 0; start < octets.length; start += chunkBytes)
      yield octets.subarray(start, start + chunkBytes);
  }
  let result = '';
  for await (const chunk of dropReturnPath(chunks(), headerBytes)) result += Buffer.from(chunk).toString();
  return result;
}
