import type { JournalObject } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { ContentCorruptError } from './errors.ts';
import {
  decodeJournalObject,
  encodeJournalObject,
  journalObjectKey,
  parseJournalObjectKey,
} from './journal-format.ts';

const object: JournalObject = {
  version: 1,
  generation: 2,
  shard: 3,
  epoch: 2 * 2 ** 40 + 77,
  counter: 9,
  at: '2026-11-21T16:00:00.000Z',
  lastSequences: { rp_ACTIVE_3: 2 * 2 ** 40 + 5 },
  entries: [{ queueId: 'q', orig: 0, final: 'ä@example.test', kind: 'delivered', run: 'r', n: 1 }],
};

describe('journal objects', () => {
  it('survive encoding and decoding', () => {
    expect(decodeJournalObject('k', encodeJournalObject(object))).toEqual(object);
  });

  it('carry generation, shard, time, epoch and counter in their names', () => {
    const key = journalObjectKey(object, 1_795_000_000_123);

    expect(key).toBe(`journal/2/3/1795000000123-${object.epoch}-9`);
    expect(parseJournalObjectKey(key)).toMatchObject({ generation: 2, shard: 3, timeMs: 1_795_000_000_123 });
    expect(parseJournalObjectKey('journal/2/3/nothing')).toBeUndefined();
  });

  it('find every flipped bit and every cut', () => {
    const octets = Buffer.from(encodeJournalObject(object));

    for (let position = 0; position < octets.length; position += 1) {
      const damaged = Buffer.from(octets);
      damaged[position] = (damaged[position] ?? 0) ^ (1 << (position % 8));
      expect(() => decodeJournalObject('k', damaged), `octet ${position}`).toThrow(ContentCorruptError);
      expect(() => decodeJournalObject('k', octets.subarray(0, position))).toThrow(ContentCorruptError);
    }
  });
});
