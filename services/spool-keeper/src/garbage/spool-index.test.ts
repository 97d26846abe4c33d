import type { JournalEntry } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { mayContain } from './queue-id-hash.ts';
import { SpoolIndex } from './spool-index.ts';

const segment = (key: string, bytes = 1000) => ({ key, bytes, timeMs: 1000, state: 'readable' as const });
const record = (queueId: string, originals = 1, bytes = 100) => ({ queueId, bytes, originals });

function entry(queueId: string, more: Partial<JournalEntry> = {}): JournalEntry {
  return { queueId, orig: 0, final: 'x@x.test', kind: 'delivered', run: 'r', n: 1, ...more };
}

function facts(index: SpoolIndex, key: string): { openRecords: number; openBytes: number } | undefined {
  for (const each of index.segments())
    if (each.key === key) return { openRecords: each.openRecords, openBytes: each.openBytes };
  return undefined;
}

describe('the index', () => {
  it('takes the octets of a complete message away from its segment', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a'), record('b', 1, 50)]);

    expect(index.apply(entry('a'))).toBe(true);

    expect(facts(index, 'X')).toEqual({ openRecords: 1, openBytes: 50 });
    expect(index.openBytes).toBe(50);
    expect(index.isOpen('a')).toBe(false);
  });

  it('waits for every original of a message, whatever comes twice', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a', 2)]);

    expect(index.apply(entry('a'))).toBe(false);
    expect(index.apply(entry('a'))).toBe(false);
    expect(index.isOpen('a')).toBe(true);
    expect(index.apply(entry('a', { orig: 1 }))).toBe(true);
  });

  it('waits for every final of a run', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a')]);

    expect(index.apply(entry('a', { final: 'p', n: 2 }))).toBe(false);
    expect(index.apply(entry('a', { final: 'q', n: 2, run: 'other' }))).toBe(false);
    expect(index.apply(entry('a', { final: 'q', n: 2 }))).toBe(true);
  });

  it.each([
    ['a hold', entry('a', { kind: 'held' })],
    ['a release', entry('a', { kind: 'released' })],
    ['a hold of all originals', entry('a', { kind: 'held', orig: -1, run: '-', final: '' })],
    ['an original that the envelope does not have', entry('a', { orig: 1 })],
    ['all originals', entry('a', { orig: -1 })],
    ['another message', entry('b')],
  ])('is not moved by an entry about %s', (_, each) => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a')]);

    expect(index.apply(each)).toBe(false);
    expect(index.isOpen('a')).toBe(true);
  });

  it('counts an original that an administrator deleted as complete', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a', 2)]);

    index.apply(entry('a', { kind: 'deleted', run: '-' }));

    expect(index.apply(entry('a', { kind: 'deleted', run: '-', orig: 1 }))).toBe(true);
  });

  it('knows a message that lies in two segments in both', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a')]);
    index.add(segment('Y'), [record('a'), record('b')]);

    index.apply(entry('a'));

    expect(facts(index, 'X')?.openRecords).toBe(0);
    expect(facts(index, 'Y')).toEqual({ openRecords: 1, openBytes: 100 });
  });

  it('keeps a message open whose other copy is gone', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a'), record('b')]);
    index.addCopy(segment('X~1', 500), [record('a')]);

    index.remove(['X']);

    expect(index.isOpen('a')).toBe(true);
    expect(index.isOpen('b')).toBe(false);
    expect(index.openBytes).toBe(100);
    index.apply(entry('a'));
    expect(facts(index, 'X~1')).toEqual({ openRecords: 0, openBytes: 0 });
    expect([index.openBytes, index.bytes, index.segmentCount]).toEqual([0, 500, 1]);
  });

  it('does not open what is complete because a copy holds it', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a'), record('b')]);
    index.apply(entry('a'));

    index.addCopy(segment('X~1'), [record('a'), record('b')]);

    expect(facts(index, 'X~1')?.openRecords).toBe(1);
  });

  it('tells what further originals would complete, and stays as it is', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a'), { ...record('b'), originals: 3 }]);
    index.apply({ ...entry('b'), orig: 1 });

    expect([index.wouldComplete('a', 0b1), index.wouldComplete('a', 0)]).toEqual([true, false]);
    // The second original is finished already: named again it adds nothing.
    expect([0b101, 0b111, 0b011, 0b1].map((bits) => index.wouldComplete('b', bits))).toEqual([
      ...[true, true, false, false],
    ]);
    expect(index.openCount).toBe(2);
  });

  it('names what a listing did not', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a')], 1);
    index.add(segment('Y'), [record('b')], 1);

    expect(index.noteSeen('X', 2)).toBe(true);
    expect(index.noteSeen('Z', 2)).toBe(false);

    expect(index.unseenIn(2)).toEqual(['Y']);
  });

  it('tells whether the spool may hold a message, complete or not', () => {
    const index = new SpoolIndex();
    index.add(segment('X'), [record('a'), record('b')]);
    index.add(segment('Y'), [record('c')]);
    index.apply(entry('a'));

    const hashes = index.presentHashes();

    expect(['a', 'b', 'c', 'd'].map((id) => mayContain(hashes, id))).toEqual([true, true, true, false]);
  });
});
