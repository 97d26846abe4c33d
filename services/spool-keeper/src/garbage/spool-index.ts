/**
 * What the keeper knows of the spool, in memory: every segment with the octets in it that are still wanted, and every message that
 * is not complete. It learns from segment indexes and journal entries, each read once; what is complete costs four octets from then on,
 * what is not some forty (message-table.ts).
 *
 * Messages must be added before the journal entries about them are applied: an entry for an unknown message is one for a message that
 * was complete before, or is gone.
 */
import { type JournalEntry, OriginalProgress, completesAlone, fnv1a, isTerminal } from '@railpost/contracts';
import { MessageTable } from './message-table.ts';

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
  number = 0;
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

/** What few messages have beside their row. */
interface Extra {
  /** All segments that it lies in, when there are several: a report made twice, a copy of survivors beside its segment. */
  places?: readonly Segment[];
  isRetained?: boolean;
  /** Originals of which the journal knows something; `true`: complete. */
  progress?: Map<number, OriginalProgress | true>;
}

/** The index. */
export class SpoolIndex {
  readonly #segments = new Map<string, Segment>();
  /** Segments by the number that rows name them by; numbers of segments that are gone are given again. */
  readonly #byNumber: (Segment | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** Messages that are wanted: not complete, or retained. */
  readonly #wanted = new MessageTable();
  readonly #extras = new Map<string, Extra>();
  #bytes = 0;
  #openBytes = 0;

  /** Segments that are known. */
  get segmentCount(): number {
    return this.#segments.size;
  }

  /** Messages that are not complete, or retained. */
  get openCount(): number {
    return this.#wanted.size;
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

  /** Wanted messages in a segment; 0 when it is not known. */
  openRecordsOf(key: string): number {
    return this.#segments.get(key)?.openRecords ?? 0;
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
    for (const record of records) if (this.isWanted(record.queueId)) this.#place(record, segment);
  }

  #addSegment(facts: SegmentFacts, records: readonly IndexedRecord[], listing: number): Segment | undefined {
    if (this.#segments.has(facts.key)) return undefined;
    const [only] = records;
    const hashes =
      only !== undefined && records.length === 1
        ? fnv1a(only.queueId)
        : Uint32Array.from(records, ({ queueId }) => fnv1a(queueId));
    const segment = new Segment(facts, hashes);
    segment.seenIn = listing;
    for (const { bytes } of records) segment.contentBytes += bytes;
    segment.number = this.#freeNumbers.pop() ?? this.#byNumber.length;
    this.#byNumber[segment.number] = segment;
    this.#segments.set(facts.key, segment);
    this.#bytes += facts.bytes;
    return segment;
  }

  #place(record: IndexedRecord, segment: Segment): void {
    const { queueId, bytes, originals } = record;
    const known = this.#wanted.find(queueId);
    if (known >= 0) {
      this.#extraOf(queueId).places = [...this.#placesOf(queueId, known), segment];
    } else {
      const slot = this.#wanted.insert(queueId);
      this.#wanted.segments[slot] = segment.number;
      this.#wanted.bytes[slot] = bytes;
      this.#wanted.openOriginals[slot] = originals;
      if (record.isRetained === true) this.#extraOf(queueId).isRetained = true;
    }
    segment.openRecords += 1;
    segment.openBytes += bytes;
    this.#openBytes += bytes;
  }

  /** Applies a journal entry; true when it completed its message. Order and repetition do not matter. */
  apply(entry: JournalEntry): boolean {
    const { queueId } = entry;
    const slot = this.#wanted.find(queueId);
    const open = slot < 0 ? 0 : (this.#wanted.openOriginals[slot] ?? 0);
    if (open === 0 || !isTerminal(entry.kind) || !this.#completesOriginal(entry, open)) return false;
    this.#wanted.openOriginals[slot] = open - 1;
    if (open > 1) return false;
    if (this.#extras.get(queueId)?.isRetained !== true) this.#letGo(queueId, slot);
    return true;
  }

  /** Notes the entry; true when its original lacked only that. */
  #completesOriginal(entry: JournalEntry, open: number): boolean {
    const { queueId, orig } = entry;
    const known = this.#extras.get(queueId)?.progress;
    // Nearly all messages: one original, one final.
    if (known === undefined && open === 1 && completesAlone(entry)) return orig === 0;
    const originals = known ?? new Map<number, OriginalProgress | true>();
    const progress = originals.get(orig) ?? new OriginalProgress();
    if (progress === true || !isOriginal(orig, open, originals)) return false;
    progress.note(entry);
    originals.set(orig, progress.isComplete ? true : progress);
    this.#extraOf(queueId).progress = originals;
    return progress.isComplete;
  }

  /** True when the message would be complete with these originals finished besides, bit 2^orig; it is not changed by that. */
  wouldComplete(queueId: string, originals: number): boolean {
    const slot = this.#wanted.find(queueId);
    const open = slot < 0 ? 0 : (this.#wanted.openOriginals[slot] ?? 0);
    const known = this.#extras.get(queueId)?.progress;
    let finished = 0;
    for (let orig = 0; orig < 31; orig += 1)
      if ((originals & (1 << orig)) !== 0 && known?.get(orig) !== true) finished += 1;
    return finished >= open;
  }

  /** Messages that are not complete. */
  *openIds(): Iterable<string> {
    for (const slot of this.#wanted.slots())
      if (this.#wanted.openOriginals[slot] !== 0) yield this.#wanted.idAt(slot);
  }

  /** Segments that hold a message which is wanted; none when it is not known. */
  keysOf(queueId: string): string[] {
    const slot = this.#wanted.find(queueId);
    return slot < 0 ? [] : this.#placesOf(queueId, slot).map(({ key }) => key);
  }

  /** True when the message is known and not complete. */
  isOpen(queueId: string): boolean {
    const slot = this.#wanted.find(queueId);
    return slot >= 0 && this.#wanted.openOriginals[slot] !== 0;
  }

  /** True when the message must stay in the spool: not complete, or retained. */
  isWanted(queueId: string): boolean {
    return this.#wanted.find(queueId) >= 0;
  }

  /** Retains a message no longer. */
  release(queueId: string): void {
    const slot = this.#wanted.find(queueId);
    if (slot < 0) return;
    if (this.#wanted.openOriginals[slot] === 0) this.#letGo(queueId, slot);
    else delete this.#extraOf(queueId).isRetained;
  }

  /** Forgets segments that are gone. Wanted messages that lay only in them go too. Looks at all messages: few calls, many keys. */
  remove(keys: readonly string[]): void {
    const gone = new Set<number>();
    for (const key of keys) {
      const segment = this.#segments.get(key);
      if (segment === undefined) continue;
      this.#segments.delete(key);
      this.#bytes -= segment.bytes;
      if (segment.openRecords > 0) gone.add(segment.number);
      else this.#freeNumber(segment.number);
    }
    if (gone.size === 0) return;
    for (const queueId of this.#inAnyOf(gone)) this.#leave(queueId, gone);
    for (const number of gone) this.#freeNumber(number);
  }

  /** Wanted messages that lie in one of the segments, gathered before anything moves. */
  #inAnyOf(numbers: ReadonlySet<number>): ReadonlySet<string> {
    const found = new Set<string>();
    for (const slot of this.#wanted.slots())
      if (numbers.has(this.#wanted.segments[slot] ?? 0)) found.add(this.#wanted.idAt(slot));
    for (const [queueId, { places }] of this.#extras)
      if (places?.some(({ number }) => numbers.has(number)) === true) found.add(queueId);
    return found;
  }

  #leave(queueId: string, gone: ReadonlySet<number>): void {
    const slot = this.#wanted.find(queueId);
    const places = this.#placesOf(queueId, slot);
    const left = places.filter(({ number }) => !gone.has(number));
    this.#openBytes -= (this.#wanted.bytes[slot] ?? 0) * (places.length - left.length);
    const [first] = left;
    if (first === undefined) {
      this.#wanted.remove(slot);
      this.#extras.delete(queueId);
      return;
    }
    this.#wanted.segments[slot] = first.number;
    if (left.length > 1) this.#extraOf(queueId).places = left;
    else delete this.#extraOf(queueId).places;
  }

  #freeNumber(number: number): void {
    this.#byNumber[number] = undefined;
    this.#freeNumbers.push(number);
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

  #letGo(queueId: string, slot: number): void {
    const bytes = this.#wanted.bytes[slot] ?? 0;
    for (const segment of this.#placesOf(queueId, slot)) {
      segment.openRecords -= 1;
      segment.openBytes -= bytes;
      this.#openBytes -= bytes;
    }
    this.#wanted.remove(slot);
    this.#extras.delete(queueId);
  }

  #placesOf(queueId: string, slot: number): readonly Segment[] {
    const places = this.#extras.get(queueId)?.places;
    if (places !== undefined) return places;
    const only = this.#byNumber[this.#wanted.segments[slot] ?? 0];
    return only === undefined ? [] : [only];
  }

  #extraOf(queueId: string): Extra {
    const extra = this.#extras.get(queueId) ?? {};
    this.#extras.set(queueId, extra);
    return extra;
  }
}

/** False for numbers that no recipient of the envelope has; nothing may count as complete by them. */
function isOriginal(orig: number, open: number, progress: NonNullable<Extra['progress']>): boolean {
  let originals = open;
  for (const each of progress.values()) if (each === true) originals += 1;
  return orig >= 0 && orig < originals;
}
