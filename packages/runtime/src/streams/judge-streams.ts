/**
 * Whether the streams are those that the spool knows of (durability rule 18). Pure.
 */
import type { StreamState } from '@railpost/bus';
import type { StreamPositions } from '@railpost/spool';

/** What the judgement is made of. */
export interface StreamFacts {
  /** The spool's highest generation; 0 when there is none yet. */
  readonly generation: number;
  /** Streams that hold mail, as they are now. */
  readonly states: readonly StreamState[];
  /** How far the streams of this generation are known to have come. */
  readonly remembered: StreamPositions;
  /** Name of INCOMING. */
  readonly incoming: string;
}

/** What is to be done. */
export type StreamJudgement =
  /** Nothing is lost; what is missing beside that (another shard) is to be made. */
  | { readonly kind: 'fit' }
  /** Streams of earlier generations are left; they are to be removed and those of the present one made. */
  | { readonly kind: 'outdated' }
  /** Something that was in a stream is gone: a new generation has to begin. */
  | { readonly kind: 'lost'; readonly cause: string }
  /** The streams belong to another spool, or this is an old copy of theirs: nothing may be touched. */
  | { readonly kind: 'foreign'; readonly cause: string };

/** Judges. */
export function judgeStreams(facts: StreamFacts): StreamJudgement {
  const { generation, states, remembered, incoming } = facts;
  // Streams of the first generation may be older than the word of it.
  const later = states.find((each) => each.generation > Math.max(generation, 1));
  if (later !== undefined)
    return {
      kind: 'foreign',
      cause: `stream ${later.name} is of generation ${later.generation}, the spool knows ${generation}`,
    };
  if (generation === 0) return { kind: 'lost', cause: 'first start' };
  if (states.some((each) => each.generation < generation)) return { kind: 'outdated' };
  if (!states.some(({ name }) => name === incoming))
    return { kind: 'lost', cause: `stream ${incoming} is gone` };
  for (const [name, sequence] of Object.entries(remembered)) {
    const state = states.find((each) => each.name === name);
    if (state === undefined) return { kind: 'lost', cause: `stream ${name} is gone` };
    if (state.lastSequence < sequence)
      return { kind: 'lost', cause: `stream ${name} ends at ${state.lastSequence}, it was at ${sequence}` };
  }
  return { kind: 'fit' };
}
