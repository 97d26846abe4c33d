/**
 * What becomes of a segment (durability rules 15 and 16). Pure: facts come in, a decision goes out.
 */
import type { IndexedSegment } from './spool-index.ts';

/** What a decision knows beside the segment. */
export interface GarbageFacts {
  readonly nowMs: number;
  /** Age from which a segment may go, milliseconds. */
  readonly garbageAfterMs: number;
  /** Age from which a void may go: no create that was given up can land any more. Milliseconds. */
  readonly voidKeepMs: number;
}

/** `copy`: the survivors move to the next copy, then the segment goes. */
export type GarbageDecision = 'keep' | 'remove' | 'copy';

/** Decides. */
export function decideSegment(segment: IndexedSegment, facts: GarbageFacts): GarbageDecision {
  const ageMs = facts.nowMs - segment.timeMs;
  if (segment.state === 'void') return ageMs > facts.voidKeepMs ? 'remove' : 'keep';
  // What cannot be read says nothing about what it holds.
  if (ageMs <= facts.garbageAfterMs || segment.records === 0) return 'keep';
  if (segment.openRecords === 0) return 'remove';
  if (segment.state === 'damaged') return 'keep';
  return isMostlyDead(segment) ? 'copy' : 'keep';
}

/**
 * A copy costs as much as it saves when half of the octets are wanted: below that it pays, and the spool stays within twice of what is
 * wanted. Each message takes its share of the index with it.
 */
function isMostlyDead({ bytes, contentBytes, openBytes, openRecords, records }: IndexedSegment): boolean {
  const wantedBytes = openBytes + ((bytes - contentBytes) * openRecords) / records;
  return wantedBytes * 2 < bytes;
}
