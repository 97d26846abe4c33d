import fc from 'fast-check';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderName, mailboxFolder } from './mailbox-folder.ts';

describe('folder of a mailbox', () => {
  it.each([
    ['alice', 'alice'],
    ['Alice', 'alice'],
    ['a.b+c=d_e-f', 'a.b+c=d_e-f'],
    ['..', '%2e.'],
    ['.', '%2e'],
    ['.hidden', '%2ehidden'],
    ['a/b', 'a%2fb'],
    ['../../etc/passwd', '%2e.%2f..%2fetc%2fpasswd'],
    ['a\0b', 'a%00b'],
    ['a b', 'a%20b'],
    ['100%', '100%25'],
    ['', '%'],
    ['Ä', '%c3%a4'],
  ])('of %j is %j', (localPart, expected) => {
    expect(folderName(localPart)).toBe(expected);
  });

  it('is two levels below the root, whatever the local-part', () => {
    expect(mailboxFolder('/mail', { domain: 'example.test', localPart: 'alice' })).toBe(
      '/mail/example.test/alice',
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (localPart) => {
        const folder = mailboxFolder('/mail', { domain: 'example.test', localPart });

        expect(dirname(folder)).toBe('/mail/example.test');
        expect(Buffer.byteLength(basename(folder))).toBeLessThanOrEqual(255);
      }),
    );
  });

  it('differs for local-parts that differ in more than case', () => {
    const folded = (text: string) => Buffer.from(text.normalize('NFC').toLowerCase()).toString('hex');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
        expect(folderName(one) === folderName(other)).toBe(folded(one) === folded(other));
      }),
    );
    expect(folderName('x'.repeat(300))).not.toBe(folderName('x'.repeat(301)));
  });
});
