/**
 * Removing from the spool (durability rules 15 and 16). Copies of survivors are durable, and have stood for a while, before what they
 * replace goes: a reader whose listing had passed the new name already still finds the old one. Right before each group of removals
 * the generation is read again; when there is a new one, nothing goes until its recovery is over.
 *
 * Nothing here has to be undone: a crash leaves a segment and its copy side by side, and the next round goes on from there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ContentCorruptError, ObjectMissingError, copySurvivors, isGenerationCurrent } from '@railpost/spool';
import { segmentDamaged } from '../events.ts';
import type { KeeperContext } from '../keeper-task.ts';
import type { IndexedSegment, SpoolIndex } from './spool-index.ts';

/** What the effects work on. */
export interface GarbageParts {
  readonly context: Pick<KeeperContext, 'store' | 'log' | 'crashPoint'>;
  readonly index: SpoolIndex;
  /** Time between a copy and the removal of what it replaces, milliseconds. */
  readonly pauseMs: number;
}

/** What a round did. */
export interface GarbageResult {
  readonly removed: number;
  readonly removedBytes: number;
  readonly copied: number;
  /** True when a new generation ended the round. */
  readonly isGenerationOver: boolean;
}

const copiedAtOnce = 4;
const removedAtOnce = 16;

/** Copies survivors of `copies`, then removes them and `garbage`. @throws SpoolUnavailableError */
export async function clearSegments(
  parts: GarbageParts,
  work: { readonly copies: readonly IndexedSegment[]; readonly garbage: readonly IndexedSegment[] },
  generation: number,
  signal: AbortSignal,
): Promise<GarbageResult> {
  const replaced: Removal[] = [];
  for (let start = 0; start < work.copies.length && !signal.aborted; start += copiedAtOnce) {
    const next = work.copies.slice(start, start + copiedAtOnce);
    const results = await Promise.all(next.map((segment) => copy(parts, segment)));
    replaced.push(...results.filter((each) => each !== undefined));
  }
  if (replaced.length > 0) await pause(parts.pauseMs, signal);
  const removals = [...replaced, ...work.garbage.map((segment) => ({ segment, copyKey: undefined }))];
  const result = await removeAll(parts, removals, generation, signal);
  return { ...result, copied: replaced.length };
}

/** A segment that is to go, and where its survivors are. */
interface Removal {
  readonly segment: IndexedSegment;
  readonly copyKey: string | undefined;
}

/** Undefined when the segment has to stay. */
async function copy({ context, index }: GarbageParts, segment: IndexedSegment): Promise<Removal | undefined> {
  const { store, log, crashPoint } = context;
  const { key } = segment;
  try {
    const made = await copySurvivors(store, key, ({ envelope }) => index.isWanted(envelope.queueId));
    if (made === undefined) return undefined;
    crashPoint('keeper.copied');
    const records = made.records.map(({ envelope, body }) => ({
      queueId: envelope.queueId,
      bytes: body.bytes,
      originals: envelope.recipients.length,
    }));
    const { bytes } = made;
    index.addCopy({ key: made.key, bytes, timeMs: segment.timeMs, state: 'readable' }, records);
    return { segment, copyKey: made.key };
  } catch (error) {
    // Another keeper was faster; the next listing of everything tells.
    if (error instanceof ObjectMissingError) return undefined;
    if (!(error instanceof ContentCorruptError)) throw error;
    segmentDamaged(log, { key, error: error.message });
    index.markDamaged(key);
    return undefined;
  }
}

async function removeAll(
  { context, index }: GarbageParts,
  removals: readonly Removal[],
  generation: number,
  signal: AbortSignal,
): Promise<Omit<GarbageResult, 'copied'>> {
  const { store, crashPoint } = context;
  const removed: IndexedSegment[] = [];
  let isGenerationOver = false;
  try {
    while (removed.length < removals.length && !signal.aborted) {
      const next = removals.slice(removed.length, removed.length + removedAtOnce).map((removal) => {
        assertUnwanted(index, removal);
        return removal.segment;
      });
      crashPoint('keeper.before-remove');
      isGenerationOver = !(await isGenerationCurrent(store, generation));
      if (isGenerationOver) break;
      await Promise.all(next.map(({ key }) => store.remove(key)));
      crashPoint('keeper.removed');
      removed.push(...next);
    }
  } finally {
    index.remove(removed.map(({ key }) => key));
  }
  const removedBytes = removed.reduce((sum, { bytes }) => sum + bytes, 0);
  return { removed: removed.length, removedBytes, isGenerationOver };
}

/** Invariant 5: whatever is removed is complete or stands in a copy. @throws Error: a bug of ours, nothing was removed */
function assertUnwanted(index: SpoolIndex, { segment, copyKey }: Removal): void {
  const elsewhere = copyKey === undefined ? 0 : index.openRecordsOf(copyKey);
  if (segment.openRecords > elsewhere)
    throw new Error(
      `${segment.key} holds ${segment.openRecords} wanted messages and was about to be removed`,
    );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
