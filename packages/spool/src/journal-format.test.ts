import type { JournalObject } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { ContentCorruptError } from './errors.ts';
import {
  compareJournalNames,
  decodeJournalObject,
  encodeJournalObject,
  journalObjectKey,
  parseJournalObjectKey,
  rolledUpObjectKey,
  salvageJournalObject,
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

  it('take 22 octets for an original that is finished and gone, and give it back as an entry', () => {
    const finished = Array.from({ length: 1000 }, (_, index) => ({
      queueId: `4fJk2bQ9Zx${String(index).padStart(6, '0')}`,
      orig: index % 3,
      final: '',
      kind: 'delivered' as const,
      run: '-',
      n: 1,
      absentSinceMs: 1_795_000_000_123,
    }));
    const kept = { ...object.entries[0], queueId: 'q' } as JournalObject['entries'][number]; // there is one
    const octets = encodeJournalObject({ ...object, entries: [...finished, kept] });

    expect(octets.length).toBeLessThan(22 * 1000 + 500);
    expect(decodeJournalObject('k', octets).entries).toEqual([...finished, kept]);
    const damaged = Buffer.from(octets);
    damaged[30] = 0;
    const name = parseJournalObjectKey(journalObjectKey(object, 1_795_000_000_123));
    const salvaged = name === undefined ? [] : salvageJournalObject(name, damaged).entries;
    expect(salvaged).toHaveLength(1001);
  });

  it('carry generation, shard, time, epoch and counter in their names', () => {
    const key = journalObjectKey(object, 1_795_000_000_123);

    expect(key).toBe(`journal/2/3/1795000000123-${object.epoch}-9`);
    expect(parseJournalObjectKey(key)).toMatchObject({ generation: 2, shard: 3, timeMs: 1_795_000_000_123 });
    expect(parseJournalObjectKey('journal/2/3/nothing')).toBeUndefined();
  });

  it('that are rolled up sort behind all they are made of, by name and in the order of reading', () => {
    const parse = (key: string) => {
      const name = parseJournalObjectKey(key);
      if (name === undefined) throw new Error(key);
      return name;
    };
    const named = (counter: number, timeMs: number) => journalObjectKey({ ...object, counter }, timeMs);
    // The clock was set back before the tenth, and 10 sorts before 9.
    const originals = [
      named(8, 1_795_000_000_500),
      named(9, 1_795_000_000_500),
      named(10, 1_795_000_000_123),
    ];
    const next = named(11, 1_795_000_000_124);

    const key = rolledUpObjectKey({ ...object, counter: 10 }, originals.map(parse));

    expect(key).toBe(`journal/2/3/1795000000501-${object.epoch}-10~8`);
    expect(parse(key)).toMatchObject({ counter: 10, firstCounter: 8, timeMs: 1_795_000_000_501 });
    expect(originals.every((original) => original < key)).toBe(true);
    const sorted = [next, key, ...originals.toReversed()].map(parse).sort(compareJournalNames);
    expect(sorted.map((name) => name.key)).toEqual([...originals, key, next]);
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

  it('give their whole entries when cut at any place, and none that was not written', () => {
    const octets = Buffer.from(encodeJournalObject(object));
    const name = parseJournalObjectKey(journalObjectKey(object, 1_795_000_000_123));
    if (name === undefined) throw new Error('not a name');
    const written = object.entries.map((entry) => JSON.stringify(entry));

    for (let length = 0; length <= octets.length; length += 1) {
      const salvaged = salvageJournalObject(name, octets.subarray(0, length));
      expect(salvaged.entries.map((entry) => JSON.stringify(entry))).toEqual(
        written.slice(0, salvaged.entries.length),
      );
    }
    expect(salvageJournalObject(name, octets)).toMatchObject({
      epoch: object.epoch,
      entries: object.entries,
    });
  });
});
