import type { StreamState } from '@railpost/bus';
import { expect, it } from 'vitest';
import { type StreamFacts, judgeStreams } from './judge-streams.ts';

function stream(name: string, generation: number, lastSequence = 0): StreamState {
  return { name, generation, lastSequence };
}

const whole = [stream('IN', 2, 50), stream('ACT', 2, 40), stream('DEF', 2, 30)];

it.each<{ what: string; facts: Partial<StreamFacts>; kind: string; cause?: string }>([
  { what: 'all are there and as far as remembered', facts: { remembered: { IN: 50, DEF: 30 } }, kind: 'fit' },
  { what: 'all are there and further', facts: { remembered: { IN: 10 } }, kind: 'fit' },
  { what: 'nothing is remembered', facts: {}, kind: 'fit' },
  { what: 'there is no generation yet', facts: { generation: 0, states: [] }, kind: 'lost', cause: 'first' },
  { what: 'there are no streams', facts: { states: [] }, kind: 'lost', cause: 'IN is gone' },
  { what: 'INCOMING is missing', facts: { states: whole.slice(1) }, kind: 'lost', cause: 'IN is gone' },
  {
    what: 'a stream that was written to is missing',
    facts: { states: whole.slice(0, 2), remembered: { DEF: 30 } },
    kind: 'lost',
    cause: 'DEF is gone',
  },
  { what: 'a stream that nobody remembers is missing', facts: { states: whole.slice(0, 2) }, kind: 'fit' },
  {
    what: 'a stream is one message behind',
    facts: { remembered: { DEF: 31 } },
    kind: 'lost',
    cause: 'DEF ends at 30, it was at 31',
  },
  { what: 'streams of the generation before are left', facts: { generation: 3 }, kind: 'outdated' },
  { what: 'one of them is left', facts: { states: [stream('ACT', 1), ...whole] }, kind: 'outdated' },
  {
    what: 'the spool is older than the streams',
    facts: { generation: 1 },
    kind: 'foreign',
    cause: 'knows 1',
  },
  { what: 'the spool is new and the streams are not', facts: { generation: 0 }, kind: 'foreign' },
])('$kind when $what', ({ facts, kind, cause }) => {
  const verdict = judgeStreams({ generation: 2, states: whole, remembered: {}, incoming: 'IN', ...facts });

  expect(verdict.kind).toBe(kind);
  expect('cause' in verdict ? verdict.cause : '').toContain(cause ?? '');
});
