import { formatQueueId } from '@railpost/mail';
import { describe, expect, it } from 'vitest';
import { MessageTable } from './message-table.ts';

/** Repeatable numbers, so that a failure comes again. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state;
  };
}

describe('the table of messages', () => {
  it('keeps columns by queue id, and what is no queue id too', () => {
    const table = new MessageTable();
    const ids = ['a', 'b', formatQueueId(1_795_000_000_000, 5), formatQueueId(1_795_000_000_000, 6)];

    for (const [index, id] of ids.entries()) table.bytes[table.insert(id)] = index + 1;

    expect(ids.map((id) => table.bytes[table.find(id)])).toEqual([1, 2, 3, 4]);
    expect([...table.slots()].map((slot) => table.idAt(slot)).sort()).toEqual(ids.toSorted());
    expect(table.find('c')).toBe(-1);
    expect(table.find(formatQueueId(1_795_000_000_001, 5))).toBe(-1);
  });

  it('finds the others after any removal, like a map does', () => {
    const table = new MessageTable();
    const expected = new Map<string, number>();
    const next = sequence(7);
    // Few distinct ids, so that many are removed and come again, and chains of slots are long.
    for (let step = 0; step < 60_000; step += 1) {
      const id = formatQueueId(next() % 40, next() % 100);
      const slot = table.find(id);
      expect(slot >= 0).toBe(expected.has(id));
      if (slot >= 0 && next() % 2 === 0) {
        table.remove(slot);
        expected.delete(id);
      } else if (slot < 0) {
        table.segments[table.insert(id)] = step;
        expected.set(id, step);
      }
    }

    expect(table.size).toBe(expected.size);
    for (const [id, step] of expected) expect(table.segments[table.find(id)]).toBe(step);
    expect([...table.slots()].map((slot) => table.idAt(slot)).sort()).toEqual([...expected.keys()].sort());
  });
});
