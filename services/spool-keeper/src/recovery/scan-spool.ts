/**
 * Goes through the segments of the spool in the order of their names, that is of their age, a few reads ahead. A segment that is gone
 * when its turn comes was garbage; one that cannot be read is told and passed over.
 */
import {
  ContentCorruptError,
  type ListedObject,
  ObjectMissingError,
  type ObjectStore,
  segmentPrefix,
  segmentTimeMs,
} from '@railpost/spool';

/** What to go through, and what to do with each segment. */
export interface SpoolScan<Content> {
  readonly store: ObjectStore;
  /** Segments begun later are passed over, milliseconds since the epoch. */
  readonly untilMs: number;
  /** Key behind which to begin. */
  readonly after?: string | undefined;
  readonly signal: AbortSignal;
  read(segment: ListedObject): Promise<Content>;
  onDamaged(key: string, reason: string): void;
}

/** One segment with what was read of it. */
export interface ScannedSegment<Content> {
  readonly key: string;
  /** Undefined when it is gone or damaged. */
  readonly content: Content | undefined;
}

const readsAhead = 4;

/** Yields the segments in order; ends early when the signal aborts. @throws SpoolUnavailableError */
export async function* scanSpool<Content>(scan: SpoolScan<Content>): AsyncIterable<ScannedSegment<Content>> {
  const running: { readonly key: string; readonly content: Promise<Content | undefined> }[] = [];
  for await (const segment of scan.store.list(segmentPrefix, scan.after)) {
    if (scan.signal.aborted) return;
    const timeMs = segmentTimeMs(segment.key);
    if (timeMs === undefined || timeMs > scan.untilMs) continue;
    const content = readOne(scan, segment);
    content.catch(() => undefined); // it is thrown when its turn comes
    running.push({ key: segment.key, content });
    const first = running.length > readsAhead ? running.shift() : undefined;
    if (first !== undefined) yield { key: first.key, content: await first.content };
  }
  for (const { key, content } of running) yield { key, content: await content };
}

async function readOne<Content>(
  scan: SpoolScan<Content>,
  segment: ListedObject,
): Promise<Content | undefined> {
  try {
    return await scan.read(segment);
  } catch (error) {
    if (error instanceof ObjectMissingError) return undefined;
    if (!(error instanceof ContentCorruptError)) throw error;
    scan.onDamaged(segment.key, error.message);
    return undefined;
  }
}
