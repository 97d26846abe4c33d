import type { JournalEntry } from '@railpost/contracts';
import { HoldSet, allOriginals, destinationToken, wholeOriginalRun } from '@railpost/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { destinationName } from './destinations.ts';
import { DoneSet } from './done-set.ts';
import { DueHeap } from './due-heap.ts';

function entry(over: Partial<JournalEntry>): JournalEntry {
  return { queueId: 'q', orig: 0, final: 'a@x.test', kind: 'delivered', run: 'r', n: 1, ...over };
}

describe('due heap', () => {
  it('gives items back in the order of their times and nothing before its time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { maxLength: 300 }), fc.nat(1000), (times, nowMs) => {
        const heap = new DueHeap<{ nextMs: number }>();
        for (const nextMs of times) heap.push({ nextMs });

        const popped: number[] = [];
        for (let item = heap.popDue(nowMs); item !== undefined; item = heap.popDue(nowMs))
          popped.push(item.nextMs);

        expect(popped).toEqual(times.filter((each) => each <= nowMs).sort((a, b) => a - b));
      }),
    );
  });

  it('skips the old place of an item whose time was moved', () => {
    const heap = new DueHeap<{ nextMs: number }>();
    const item = { nextMs: 10 };
    heap.push(item);
    item.nextMs = 50;
    heap.push(item);

    expect(heap.popDue(20)).toBeUndefined();
    expect(heap.popDue(50)).toBe(item);
    expect(heap.size).toBe(0);
  });
});

describe('done set', () => {
  it('knows recipients that are terminal and no others', () => {
    const done = new DoneSet();
    done.add(entry({}), 5, 0);
    done.add(entry({ final: 'b@x.test', kind: 'held' }), 5, 0);

    expect(done.has({ queueId: 'q', orig: 0, final: 'a@x.test' })).toBe(true);
    expect(done.has({ queueId: 'q', orig: 1, final: 'a@x.test' })).toBe(false);
    expect(done.has({ queueId: 'q', orig: 0, final: 'b@x.test' })).toBe(false);
  });

  it('counts a deleted original as done whatever it expands to', () => {
    const done = new DoneSet();
    done.add(entry({ kind: 'deleted', run: wholeOriginalRun, final: 'list@x.test' }), 5, 0);

    expect(done.has({ queueId: 'q', orig: 0, final: 'somebody@else.test' })).toBe(true);
  });

  it('tells which originals one entry alone finished', () => {
    const done = new DoneSet();
    done.add(entry({ orig: 0 }), 5, 0);
    done.add(entry({ orig: 2, kind: 'deleted', run: wholeOriginalRun, n: 1 }), 5, 0);
    done.add(entry({ orig: 1, final: 'one@of.two', n: 2 }), 5, 0);
    done.add(entry({ orig: 40 }), 5, 0);

    expect(done.wholeOriginals('q')).toBe(0b101);
    expect(done.wholeOriginals('other')).toBeUndefined();
  });

  it('forgets only behind the floor of INCOMING and after five minutes', () => {
    const done = new DoneSet();
    done.add(entry({}), 5, 0);

    expect(done.forget(4, 10_000_000)).toEqual([]);
    expect(done.forget(5, 200_000)).toEqual([]);
    expect(done.forget(5, 300_000)).toEqual(['q']);
    expect(done.knows('q')).toBe(false);
  });
});

describe('hold set', () => {
  it.each([
    { entries: [entry({ kind: 'held' })], orig: 0, expected: true },
    { entries: [entry({ kind: 'held' })], orig: 1, expected: undefined },
    { entries: [entry({ kind: 'held' }), entry({ kind: 'released' })], orig: 0, expected: false },
    { entries: [entry({ kind: 'held', orig: allOriginals })], orig: 7, expected: true },
    {
      entries: [entry({ kind: 'held' }), entry({ kind: 'released', orig: allOriginals })],
      orig: 0,
      expected: false,
    },
    {
      entries: [entry({ kind: 'released', orig: allOriginals }), entry({ kind: 'held' })],
      orig: 0,
      expected: true,
    },
  ])('says $expected of original $orig', ({ entries, orig, expected }) => {
    const holds = new HoldSet();
    for (const each of entries) holds.apply(each);

    expect(holds.state('q', orig)).toBe(expected);
  });
});

it('a destination token decodes to the destination', () => {
  for (const name of [
    'smtp:partner.test',
    'smtp:[127.0.0.1]:2526',
    'lmtp:unix:/run/lmtp',
    'mailbox:xn--a_b.test',
  ])
    expect(destinationName(destinationToken(name))).toBe(name);
});
