import { randomBytes } from 'node:crypto';
import type { Envelope } from '@railpost/mail';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContentCorruptError } from './errors.ts';
import {
  decodeFooter,
  decodeIndex,
  encodeSegmentEnd,
  footerBytes,
  formatIndexEntry,
  hashContent,
} from './segment-format.ts';

const envelope: Envelope = {
  version: 1,
  queueId: '4W2Yb1Fh5z0BCDFG',
  reversePath: 'alice@example.test',
  recipients: [{ address: 'bøb@example.test', notify: ['FAILURE'], orcpt: 'rfc822;bob@example.test' }],
  smtputf8: true,
  client: {
    listener: 'mx',
    role: 'MX',
    address: '127.0.0.1',
    port: 4,
    name: 'unknown',
    helo: 'x',
    protocol: 'ESMTP',
  },
  receivedAt: '2026-11-21T16:00:00.000Z',
};

describe('segment format', () => {
  it('gives back every envelope and the place of every content', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 20 }),
        (contents) => {
          const octets = encodeSegment(contents);

          const records = decodeSegment(octets);

          expect(records).toHaveLength(contents.length);
          for (const [index, { envelope: found, body }] of records.entries()) {
            const content = octets.subarray(body.offset, body.offset + body.bytes);
            expect(found).toEqual({ ...envelope, reversePath: `sender-${index}@example.test` });
            expect(content.equals(Buffer.from(contents[index] ?? []))).toBe(true);
            expect(hashContent([content])).toBe(body.sha256);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('finds every flipped bit of index and footer', () => {
    const octets = encodeSegment([Buffer.from('one'), Buffer.from('two')]);
    const contentBytes = 6;

    for (let position = contentBytes; position < octets.length; position += 1) {
      const damaged = Buffer.from(octets);
      damaged[position] = (damaged[position] ?? 0) ^ (1 << (position % 8));
      expect(() => decodeSegment(damaged), `octet ${position}`).toThrow(ContentCorruptError);
    }
  });

  it('refuses what is no segment, and a segment cut short anywhere', () => {
    const octets = encodeSegment([Buffer.from('one')]);

    for (let length = 0; length < octets.length; length += 1) {
      expect(() => decodeSegment(octets.subarray(0, length))).toThrow(ContentCorruptError);
      expect(() => decodeSegment(randomBytes(length))).toThrow(ContentCorruptError);
    }
  });

  it('hashes a content the same whether it comes in one piece or in many', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
        expect(hashContent(pieces)).toBe(hashContent([Buffer.concat(pieces)]));
      }),
    );
  });
});

function encodeSegment(contents: readonly Uint8Array[]): Buffer {
  let offset = 0;
  const entries = contents.map((content, index) => {
    const place = { offset, bytes: content.length, headerBytes: 0, sha256: hashContent([content]) };
    offset += content.length;
    return formatIndexEntry(place, { ...envelope, reversePath: `sender-${index}@example.test` });
  });
  return Buffer.concat([...contents, encodeSegmentEnd(offset, entries)]);
}

function decodeSegment(octets: Buffer) {
  const footer = decodeFooter('segment/x', octets.length, octets.subarray(-footerBytes));
  const index = octets.subarray(footer.indexOffset, footer.indexOffset + footer.indexBytes);
  return decodeIndex('segment/x', footer, index);
}
