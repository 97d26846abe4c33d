/** Conversion for servers without 8BITMIME: as golden messages, and against an independent decoder. */
import { isAscii } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QuotedPrintableEncoder } from './quoted-printable.ts';
import { encodeForSevenBit } from './seven-bit.ts';

async function convert(message: string | Buffer, chunkBytes = 7): Promise<string> {
  const octets = Buffer.from(message);
  const open = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < octets.length; at += chunkBytes) yield octets.subarray(at, at + chunkBytes);
  };
  const parts: Uint8Array[] = [];
  for await (const part of encodeForSevenBit(open)) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\r\n`).join('');
}

/** RFC 2045 section 6.7, decoding. */
function decodeQuotedPrintable(text: string): Buffer {
  const joined = text.replace(/=\r\n/g, '');
  const octets = joined.replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(octets, 'latin1');
}

describe('encodeForSevenBit', () => {
  it('converts a message that says it is 8-bit', async () => {
    const message = lines(...['Content-Transfer-Encoding: 8bit', 'Subject: x', '', 'Grüße = ', 'plain']);

    expect(await convert(message)).toBe(
      lines(
        'Subject: x',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'Gr=C3=BC=C3=9Fe =3D=20',
        'plain',
      ),
    );
  });

  it.each([
    [['Subject: x', '', 'Grüße =']],
    [['', 'Grüße']],
    [['MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', '', 'Grüße =']],
    [['Content-Transfer-Encoding: 7bit', '', 'Grüße =']],
    [['Content-Transfer-Encoding: base64', '', 'Grüße =']],
    [['Content-Type: multipart/mixed; boundary=b', '', 'é', '--b', '', 'Grüße =', '--b--', 'é']],
  ])('leaves what does not say that it is 8-bit: %j', async (message) => {
    expect(await convert(lines(...message))).toBe(Buffer.from(lines(...message)).toString('latin1'));
  });

  it('converts only the parts that need it, and relabels the containers', async () => {
    const message = lines(
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed;',
      '\tboundary="a b"',
      'Content-Transfer-Encoding: 8BIT',
      '',
      'preamble',
      '--a b',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      'ä',
      '--a b',
      'Content-Transfer-Encoding: 8bit',
      '',
      'ascii = ascii',
      '--a b',
      'Content-Type: application/octet-stream',
      'Content-Transfer-Encoding: base64',
      '',
      'AAAA',
      '--a b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: 8bit',
      '',
      'Subject: inner',
      'Content-Transfer-Encoding: 8bit',
      '',
      'ö',
      '--a b--',
      'epilogue',
    );

    expect(await convert(message)).toBe(
      lines(
        'MIME-Version: 1.0',
        'Content-Type: multipart/mixed;',
        '\tboundary="a b"',
        'Content-Transfer-Encoding: 7bit',
        '',
        'preamble',
        '--a b',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        '=C3=A4',
        '--a b',
        'Content-Transfer-Encoding: 7bit',
        '',
        'ascii = ascii',
        '--a b',
        'Content-Type: application/octet-stream',
        'Content-Transfer-Encoding: base64',
        '',
        'AAAA',
        '--a b',
        'Content-Type: message/rfc822',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Subject: inner',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        '=C3=B6',
        '--a b--',
        'epilogue',
      ),
    );
  });

  it('lets the boundary of an outer multipart end an inner one', async () => {
    const message = lines(
      'Content-Type: multipart/mixed; boundary=outer',
      '',
      '--outer',
      'Content-Type: multipart/alternative; boundary=inner',
      '',
      '--inner',
      'Content-Transfer-Encoding: 8bit',
      '',
      'ä',
      '--outer',
      'Content-Transfer-Encoding: binary',
      '',
      'ö',
      '--outer--',
    );

    const converted = await convert(message);

    expect(converted).toContain('=C3=A4\r\n--outer\r\n');
    expect(converted).toContain('=C3=B6\r\n--outer--\r\n');
  });

  it('leaves an ASCII message as it is', async () => {
    const message = lines('Subject: x', '', '--not a boundary', 'x = y ');

    expect(await convert(message)).toBe(message);
  });

  it('keeps a missing final line end, and lines of any length', async () => {
    const body = `${'ä'.repeat(100_000)}\r\nend`;
    const converted = await convert(`Content-Transfer-Encoding: 8bit\r\n\r\n${body}`, 10_000);
    const encoded = converted.slice(converted.indexOf('\r\n\r\n') + 4);

    expect(decodeQuotedPrintable(encoded).toString()).toBe(body);
    expect(Math.max(...encoded.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(76);
  });

  it('yields ASCII for any body, in any chunks, that decodes to the same octets', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 50 }),
        async (body, size) => {
          fc.pre(!isAscii(body));
          const converted = await convert(
            Buffer.concat([Buffer.from('Content-Transfer-Encoding: 8bit\r\n\r\n'), body]),
            size,
          );
          const encoded = converted.slice(converted.indexOf('\r\n\r\n') + 4);

          expect(isAscii(Buffer.from(converted, 'latin1'))).toBe(true);
          expect(decodeQuotedPrintable(encoded)).toEqual(Buffer.from(body));
        },
      ),
    );
  });
});

describe('QuotedPrintableEncoder', () => {
  it('never lets a line end in white space, nor grow beyond 76 characters', () => {
    const encode = (text: string): string => new QuotedPrintableEncoder().encode(Buffer.from(text), true);

    expect(encode(`${'x'.repeat(75)} `)).toBe(`${'x'.repeat(73)}=\r\nxx=20`);
    expect(encode(`${'x'.repeat(72)}=y`)).toBe(`${'x'.repeat(72)}=3D=\r\ny`);
    expect(encode(`${'x'.repeat(73)}`)).toBe('x'.repeat(73));
  });
});
