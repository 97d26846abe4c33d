import type { JournalEntry } from '@railpost/contracts';
import { expect, it } from 'vitest';
import { JournalFacts } from './journal-facts.ts';
import { planMessage } from './plan-message.ts';

const queueId = '4Mq0000000000001'.replaceAll('4M', '4B');

function entry(more: Partial<JournalEntry>): JournalEntry {
  return { queueId, orig: 0, final: 'x@a.test', kind: 'delivered', run: 'r', n: 1, ...more };
}

function known(recipients: number, ...entries: readonly Partial<JournalEntry>[]) {
  const facts = new JournalFacts();
  for (const each of entries) facts.note(entry(each));
  const addresses = Array.from({ length: recipients }, (_, index) => ({ address: `r${index}@a.test` }));
  return facts.of({ queueId, recipients: addresses });
}

const held = { kind: 'held', run: '-', final: '' } as const;
const released = { kind: 'released', run: '-', final: '' } as const;

it.each([
  ['nothing is known', known(1), { isKnown: false, isComplete: false, history: [] }],
  [
    'one entry completes one original',
    known(1, {}),
    { isComplete: true, history: [{ orig: 0, isComplete: true }] },
  ],
  [
    'one of two originals is complete',
    known(2, { orig: 1 }),
    { isComplete: false, history: [{ orig: 1, isComplete: true }] },
  ],
  [
    'one of two finals is done',
    known(1, { n: 2 }),
    { isComplete: false, history: [{ orig: 0, done: ['x@a.test'], isHeld: false }] },
  ],
  ['both finals of a run are done', known(1, { n: 2 }, { n: 2, final: 'y@a.test' }), { isComplete: true }],
  [
    'finals of different runs do not complete, and each is done',
    known(1, { n: 2 }, { n: 2, final: 'y@a.test', run: 'q' }),
    { isComplete: false, history: [{ orig: 0, done: ['x@a.test', 'y@a.test'] }] },
  ],
  ['an administrator deleted it', known(1, { kind: 'deleted', run: '-' }), { isComplete: true }],
  ['it is held', known(1, held), { isKnown: true, isComplete: false, history: [{ orig: 0, isHeld: true }] }],
  ['it was held and released', known(1, held, released), { isKnown: true, isComplete: false, history: [] }],
  [
    'all originals are held by one mark',
    known(2, { ...held, orig: -1 }),
    {
      history: [
        { orig: 0, isHeld: true },
        { orig: 1, isHeld: true },
      ],
    },
  ],
  [
    'one original is released from a hold on all',
    known(2, { ...held, orig: -1 }, { ...released, orig: 1 }),
    { history: [{ orig: 0, isHeld: true }] },
  ],
  [
    'a hold on what is complete holds nothing',
    known(2, {}, { ...held, orig: -1 }),
    {
      history: [
        { orig: 0, isComplete: true, isHeld: false },
        { orig: 1, isHeld: true },
      ],
    },
  ],
  [
    'an original beyond those with bits',
    known(40, { orig: 39 }),
    { history: [{ orig: 39, isComplete: true }] },
  ],
])('%s', (_, found, expected) => {
  expect(found).toMatchObject(expected);
  expect(found.history).toHaveLength(
    (expected as { history?: unknown[] }).history?.length ?? found.history.length,
  );
});

it('counts what a report settles as an entry, and says whether it was news', () => {
  const facts = new JournalFacts();
  const settlement = { queueId, orig: 0, final: 'x@a.test', run: 'r', n: 1 };

  expect(facts.noteSettlement(settlement)).toBe(true);
  expect(facts.noteSettlement(settlement)).toBe(false);
  expect(facts.of({ queueId, recipients: [{ address: 'x@a.test' }] }).isComplete).toBe(true);
});

it('knows a message that was met before', () => {
  const facts = new JournalFacts();

  expect([facts.meet(queueId), facts.meet(queueId), facts.meet('another')]).toEqual([false, true, false]);
  expect(facts.of({ queueId, recipients: [{ address: 'x@a.test' }] }).isKnown).toBe(false);
});

it.each([
  ['young and unknown', 1000, false, 'put-back'],
  ['old and unknown', 10_000, false, 'held-old'],
  ['old, and the journal has a word on it', 10_000, true, 'put-back'],
])('what is %s is %s', (_, ageMs, isKnown, kind) => {
  const nowMs = 1_790_000_000_000;
  const envelope = {
    version: 1 as const,
    ...{ queueId, reversePath: '', recipients: [{ address: 'x@a.test' }], smtputf8: false },
    client: { listener: '', role: 'MX' as const, address: '', port: 0, name: '', helo: '', protocol: '' },
    receivedAt: new Date(nowMs - ageMs).toISOString(),
  };
  const plan = planMessage(
    envelope,
    { isKnown, history: [], isComplete: false },
    { nowMs, longestLifeMs: 5000 },
  );

  expect(plan.kind).toBe(kind);
  expect('history' in plan ? plan.history.map(({ isHeld }) => isHeld) : []).toEqual(
    kind === 'held-old' ? [true] : [],
  );
});
