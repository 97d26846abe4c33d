/**
 * What the keeper knows of the spool, in memory: every segment with the octets in it that are still wanted, and every message that
 * is not complete. It learns from segment indexes and journal entries, each read once; what is complete costs four octets from then on.
 * A million open messages in full segments take about 150 MB.
 *
 * Messages must be added before the journal entries about them are applied: an entry for an unknown message is one for a message that
 * was complete before, or is gone.
 */
import { type JournalEntry, OriginalProgress, completesAlone, isTerminal } from '@railpost/contracts';
import { hashOf } from './queue-id-hash.ts';

/** One message as its segment's index has it. */
export interface IndexedRecord {
  readonly queueId: string;
  readonly bytes: number;
  /** Number of originals: recipients of the envelope. */
  readonly originals: number;
  /** True: it stays in the spool, complete or not, until {@link SpoolIndex.release}. */
  readonly isRetained?: boolean;
}

/** A segment as decisions see it. */
export interface IndexedSegment {
  readonly key: string;
  /** Octets of the object. */
  readonly bytes: number;
  /** When it was begun, milliseconds since the epoch by its writer's clock. */
  readonly timeMs: number;
  /** `void` keeps a name from ever holding content; of `damaged` something cannot be read, so it is not copied. */
  readonly state: 'readable' | 'void' | 'damaged';
  readonly records: number;
  /** Messages that are not complete. */
  readonly openRecords: number;
  /** Octets of their contents. */
  readonly openBytes: number;
  /** Octets of all contents; the rest of the object is its index. */
  readonly contentBytes: number;
}

/** What a listing and the name say of a segment. */
export type SegmentFacts = Pick<IndexedSegment, 'key' | 'bytes' | 'timeMs' | 'state'>;

class Segment implements IndexedSegment {
  openRecords = 0;
  openBytes = 0;
  contentBytes = 0;
  /** Number of the last listing of all segments that named it. */
  seenIn = 0;
  readonly key: string;
  readonly bytes: number;
  readonly timeMs: number;
  state: IndexedSegment['state'];
  /** Hashes of the queue ids of all messages; a plain number when there is one, since a typed array alone takes 200 octets. */
  readonly hashes: Uint32Array | number;

  constructor(facts: SegmentFacts, hashes: Uint32Array | number) {
    this.key = facts.key;
    this.bytes = facts.bytes;
    this.timeMs = facts.timeMs;
    this.state = facts.state;
    this.hashes = hashes;
  }

  get records(): number {
    return typeof this.hashes === 'number' ? 1 : this.hashes.length;
  }
}

/** A message that is wanted: not complete, or retained. */
interface OpenMessage {
  /** The segment it lies in; several when a report was made twice or a copy of survivors stands beside the segment. */
  places: Segment | readonly Segment[];
  readonly bytes: number;
  /** Originals that are not complete. */
  openOriginals: number;
  isRetained: boolean;
  /** Originals of which the journal knows something; `true`: complete. */
  progress: Map<number, OriginalProgress | true> | undefined;
}

/** The index. */
export class SpoolIndex {
  readonly #segments = new Map<string, Segment>();
  readonly #open = new Map<string, OpenMessage>();
  #bytes = 0;
  #openBytes = 0;

  /** Segments that are known. */
  get segmentCount(): number {
    return this.#segments.size;
  }

  /** Messages that are not complete, or retained. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Octets of all segments. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Octets of the contents of messages that are not complete, copies counted again. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /** When the oldest segment was begun, milliseconds since the epoch; undefined without any. */
  oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const { timeMs } of this.#segments.values()) oldest = Math.min(oldest ?? timeMs, timeMs);
    return oldest;
  }

  /** Segments of which something cannot be read. */
  get damagedCount(): number {
    let count = 0;
    for (const { state } of this.#segments.values()) if (state === 'damaged') count += 1;
    return count;
  }

  segments(): Iterable<IndexedSegment> {
    return this.#segments.values();
  }

  /** Something in the segment cannot be read: it stays as it is. */
  markDamaged(key: string): void {
    const segment = this.#segments.get(key);
    if (segment !== undefined) segment.state = 'damaged';
  }

  /** Notes that the listing of this number named the segment; false when it is not known yet. */
  noteSeen(key: string, listing: number): boolean {
    const segment = this.#segments.get(key);
    if (segment === undefined) return false;
    segment.seenIn = listing;
    return true;
  }

  /** Keys of segments that the listing of this number did not name: somebody removed them. */
  unseenIn(listing: number): string[] {
    return [...this.#segments.values()].flatMap(({ key, seenIn }) => (seenIn < listing ? [key] : []));
  }

  /** Adds a segment; all its messages are open until the journal says otherwise. Known ones are passed over. */
  add(facts: SegmentFacts, records: readonly IndexedRecord[], listing = 0): void {
    const segment = this.#addSegment(facts, records, listing);
    if (segment !== undefined) for (const record of records) this.#place(record, segment);
  }

  /** Adds a copy of survivors: messages that are complete by now are dead in it from the beginning. */
  addCopy(facts: SegmentFacts, records: readonly IndexedRecord[], listing = 0): void {
    const segment = this.#addSegment(facts, records, listing);
    if (segment === undefined) return;
    for (const record of records) if (this.#open.has(record.queueId)) this.#place(record, segment);
  }

  #addSegment(facts: SegmentFacts, records: readonly IndexedRecord[], listing: number): Segment | undefined {
    if (this.#segments.has(facts.key)) return undefined;
    const [only] = records;
    const hashes =
      only !== undefined && records.length === 1
        ? hashOf(only.queueId)
        : Uint32Array.from(records, ({ queueId }) => hashOf(queueId));
    const segment = new Segment(facts, hashes);
    segment.seenIn = listing;
    for (const { bytes } of records) segment.contentBytes += bytes;
    this.#segments.set(facts.key, segment);
    this.#bytes += facts.bytes;
    return segment;
  }

  #place(record: IndexedRecord, segment: Segment): void {
    const { queueId, bytes, originals, isRetained = false } = record;
    const known = this.#open.get(queueId);
    if (known === undefined)
      this.#open.set(queueId, {
        ...{ places: segment, bytes, isRetained },
        ...{ openOriginals: originals, progress: undefined },
      });
    else known.places = [...placesOf(known), segment];
    segment.openRecords += 1;
    segment.openBytes += bytes;
    this.#openBytes += bytes;
  }

  /** Applies a journal entry; true when it completed its message. Order and repetition do not matter. */
  apply(entry: JournalEntry): boolean {
    if (!isTerminal(entry.kind)) return false;
    const message = this.#open.get(entry.queueId);
    if (message === undefined || message.openOriginals === 0) return false;
    // Nearly all messages: one original, one final.
    if (message.openOriginals === 1 && message.progress === undefined) {
      if (entry.orig !== 0) return false;
      if (completesAlone(entry)) return this.#finish(entry.queueId, message);
    }
    return this.#note(entry, message) && this.#finish(entry.queueId, message);
  }

  /** True when the entry was the last one that the message lacked. */
  #note(entry: JournalEntry, message: OpenMessage): boolean {
    message.progress ??= new Map();
    const progress = message.progress.get(entry.orig) ?? new OriginalProgress();
    if (progress === true || !isOriginalOf(message, entry.orig)) return false;
    progress.note(entry);
    message.progress.set(entry.orig, progress.isComplete ? true : progress);
    if (progress.isComplete) message.openOriginals -= 1;
    return message.openOriginals === 0;
  }

  /** Messages that are not complete. */
  *openIds(): Iterable<string> {
    for (const [queueId, { openOriginals }] of this.#open) if (openOriginals > 0) yield queueId;
  }

  /** Segments that hold a message which is not complete; none when it is not known. */
  keysOf(queueId: string): string[] {
    const message = this.#open.get(queueId);
    return message === undefined ? [] : placesOf(message).map(({ key }) => key);
  }

  /** True when the message is known and not complete. */
  isOpen(queueId: string): boolean {
    return (this.#open.get(queueId)?.openOriginals ?? 0) > 0;
  }

  /** True when the message must stay in the spool: not complete, or retained. */
  isWanted(queueId: string): boolean {
    return this.#open.has(queueId);
  }

  /** Retains a message no longer. */
  release(queueId: string): void {
    const message = this.#open.get(queueId);
    if (message === undefined) return;
    message.isRetained = false;
    if (message.openOriginals === 0) this.#letGo(queueId, message);
  }

  /** Forgets segments that are gone. Open messages that lay only in them go too. */
  remove(keys: readonly string[]): void {
    const gone = new Set<Segment>();
    for (const key of keys) {
      const segment = this.#segments.get(key);
      if (segment === undefined) continue;
      this.#segments.delete(key);
      this.#bytes -= segment.bytes;
      if (segment.openRecords > 0) gone.add(segment);
    }
    if (gone.size === 0) return;
    for (const [queueId, message] of this.#open) this.#leave(queueId, message, gone);
  }

  #leave(queueId: string, message: OpenMessage, gone: ReadonlySet<Segment>): void {
    const places = placesOf(message);
    const left = places.filter((each) => !gone.has(each));
    if (left.length === places.length) return;
    this.#openBytes -= message.bytes * (places.length - left.length);
    const [only] = left;
    if (only === undefined) this.#open.delete(queueId);
    else message.places = left.length === 1 ? only : left;
  }

  /** Hashes of the queue ids of all messages in the spool, complete ones too, ascending. */
  presentHashes(): Uint32Array {
    let count = 0;
    for (const segment of this.#segments.values()) count += segment.records;
    const hashes = new Uint32Array(count);
    let position = 0;
    for (const segment of this.#segments.values()) {
      if (typeof segment.hashes === 'number') hashes[position] = segment.hashes;
      else hashes.set(segment.hashes, position);
      position += segment.records;
    }
    return hashes.sort();
  }

  #finish(queueId: string, message: OpenMessage): true {
    message.openOriginals = 0;
    if (!message.isRetained) this.#letGo(queueId, message);
    return true;
  }

  #letGo(queueId: string, message: OpenMessage): void {
    this.#open.delete(queueId);
    for (const segment of placesOf(message)) {
      segment.openRecords -= 1;
      segment.openBytes -= message.bytes;
      this.#openBytes -= message.bytes;
    }
  }
}

/** False for numbers that no recipient of the envelope has; nothing may count as complete by them. */
function isOriginalOf({ openOriginals, progress }: OpenMessage, orig: number): boolean {
  let originals = openOriginals;
  for (const each of progress?.values() ?? []) if (each === true) originals += 1;
  return orig >= 0 && orig < originals;
}

function placesOf({ places }: OpenMessage): readonly Segment[] {
  return places instanceof Segment ? [places] : places;
}
