/**
 * Reading contents back. One range read, or the whole segment when several of its messages are wanted (the dispatch says so, or reads
 * of one segment meet here): whole segments stay in a bounded LRU and concurrent reads share one request. Contents above a megabyte
 * stream and are never whole in memory. Every content is checked against its SHA-256 before its last octets are handed on.
 * A segment that is gone is looked for among the later copies of its survivors (durability rule 16).
 */
import { createHash } from 'node:crypto';
import type { BodyRef } from '@railpost/mail';
import { ByteCache } from './byte-cache.ts';
import { BodyGoneError, ContentCorruptError, ObjectMissingError, SpoolUnavailableError } from './errors.ts';
import type { ObjectStore } from './object-store.ts';
import { hashContent, readSegment } from './segment-format.ts';
import { survivorNumber, survivorPrefix } from './segment-key.ts';

/** The content of one message. */
export interface SpooledContent {
  readonly bytes: number;
  /** All octets, checked, when they are in memory anyway. */
  readonly whole?: Uint8Array;
  /**
   * The octets in order; may be called again.
   * @throws ContentCorruptError before the last chunk; BodyGoneError; SpoolUnavailableError
   */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Reads messages out of the spool. */
export interface SegmentReader {
  /**
   * Reads a content.
   * @param upcoming how many reads of the same segment are to be expected, this one included; @default 1
   * @throws BodyGoneError, ContentCorruptError, SpoolUnavailableError
   */
  read(ref: BodyRef, upcoming?: number): Promise<SpooledContent>;
  /** Part of a content, after the whole of it has been checked. `offset` counts from the start of the content. */
  readRange(ref: BodyRef, offset: number, bytes: number): Promise<Uint8Array>;
}

const streamAboveBytes = 1024 * 1024;
const resumes = 3;
const rememberedMoves = 10_000;

/** Opens a reader. @param options.cacheBytes bound on whole segments kept in memory, in octets; @default 64 MiB */
export function openSegmentReader(
  store: ObjectStore,
  options: { readonly cacheBytes?: number } = {},
): SegmentReader {
  return new CachingReader(store, options.cacheBytes ?? 64 * 1024 * 1024);
}

class CachingReader implements SegmentReader {
  readonly #store: ObjectStore;
  readonly #cache: ByteCache;
  /** Segments being read by range just now, with the number of such reads. */
  readonly #ranges = new Map<string, number>();
  /** Where contents of compacted segments were found. */
  readonly #moved = new Map<string, BodyRef>();

  constructor(store: ObjectStore, cacheBytes: number) {
    this.#store = store;
    this.#cache = new ByteCache(cacheBytes, (key) => store.read(key));
  }

  async read(ref: BodyRef, upcoming = 1): Promise<SpooledContent> {
    const place = this.#moved.size === 0 ? ref : (this.#moved.get(moveKey(ref)) ?? ref);
    const known = this.#openCached(place);
    if (known !== undefined) return known;
    try {
      return await this.#open(place, upcoming);
    } catch (error) {
      if (!(error instanceof ObjectMissingError)) throw error;
    }
    return this.#open(await this.#findMoved(ref), upcoming);
  }

  async readRange(ref: BodyRef, offset: number, bytes: number): Promise<Uint8Array> {
    const content = await this.read(ref);
    const parts: Uint8Array[] = [];
    let position = 0;
    for await (const chunk of content.chunks()) {
      parts.push(chunk.subarray(Math.max(0, offset - position), Math.max(0, offset + bytes - position)));
      position += chunk.length;
    }
    return Buffer.concat(parts);
  }

  async #open(place: BodyRef, upcoming: number): Promise<SpooledContent> {
    if (place.bytes > streamAboveBytes) {
      const size = await this.#store.size(place.key);
      if (place.offset + place.bytes > size)
        throw new ContentCorruptError(place.key, 'the object is too short');
      return { bytes: place.bytes, chunks: () => this.#stream(place) };
    }
    return contentOf(await this.#readVerified(place, upcoming));
  }

  /** A small content of a segment that is in memory; undefined when it is not, or the checksum differs. */
  #openCached(place: BodyRef): SpooledContent | undefined {
    const segment = place.bytes > streamAboveBytes ? undefined : this.#cache.peek(place.key);
    const octets = segment?.subarray(place.offset, place.offset + place.bytes);
    return octets !== undefined && isIntact(place, octets) ? contentOf(octets) : undefined;
  }

  /** A small content. On a mismatch it is read once more, past the cache: a bit may have flipped on the way to us. */
  async #readVerified(place: BodyRef, upcoming: number): Promise<Uint8Array> {
    const octets = await this.#readSmall(place, upcoming);
    if (isIntact(place, octets)) return octets;
    this.#cache.forget(place.key);
    const again = await this.#store.read(place.key, place);
    if (isIntact(place, again)) return again;
    throw new ContentCorruptError(place.key, `checksum differs at offset ${place.offset}`);
  }

  async #readSmall(place: BodyRef, upcoming: number): Promise<Uint8Array> {
    const others = this.#ranges.get(place.key) ?? 0;
    if (upcoming > 1 || others > 0 || this.#cache.has(place.key)) {
      const segment = await this.#cache.get(place.key);
      return segment.subarray(place.offset, place.offset + place.bytes);
    }
    this.#ranges.set(place.key, others + 1);
    try {
      return await this.#store.read(place.key, place);
    } finally {
      const left = (this.#ranges.get(place.key) ?? 1) - 1;
      if (left === 0) this.#ranges.delete(place.key);
      else this.#ranges.set(place.key, left);
    }
  }

  /** A large content: goes on where it was when the connection breaks; holds one chunk back until all are checked. */
  async *#stream(place: BodyRef): AsyncIterable<Uint8Array> {
    const digest = createHash('sha256');
    let position = 0;
    let failures = 0;
    let held: Uint8Array | undefined;
    while (position < place.bytes) {
      const range = { offset: place.offset + position, bytes: place.bytes - position };
      try {
        for await (const chunk of this.#store.readStream(place.key, range)) {
          digest.update(chunk);
          position += chunk.length;
          if (held !== undefined) yield held;
          held = chunk;
        }
        if (position < place.bytes) throw new ContentCorruptError(place.key, 'the object is too short');
      } catch (error) {
        failures += 1;
        if (!(error instanceof SpoolUnavailableError) || failures > resumes) throw error;
      }
    }
    if (digest.digest('hex') !== place.sha256) throw new ContentCorruptError(place.key, 'checksum differs');
    if (held !== undefined) yield held;
  }

  /** Looks into the last copy of the survivors. It may itself be replaced while we look, so a few times. */
  async #findMoved(ref: BodyRef): Promise<BodyRef> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const copy = await this.#lastCopy(ref.key);
      if (copy === undefined) break;
      try {
        const { records } = await readSegment(this.#store, copy);
        const found = records.find(({ body }) => body.sha256 === ref.sha256 && body.bytes === ref.bytes);
        if (found === undefined) break;
        if (this.#moved.size >= rememberedMoves) this.#moved.clear();
        this.#moved.set(moveKey(ref), found.body);
        return found.body;
      } catch (error) {
        if (!(error instanceof ObjectMissingError)) throw error;
      }
    }
    throw new BodyGoneError(ref.key);
  }

  async #lastCopy(key: string): Promise<string | undefined> {
    let last: string | undefined;
    for await (const each of this.#store.list(survivorPrefix(key))) {
      if (last === undefined || survivorNumber(each.key) > survivorNumber(last)) last = each.key;
    }
    return last;
  }
}

function contentOf(octets: Uint8Array): SpooledContent {
  return { bytes: octets.length, whole: octets, chunks: () => oneChunk(octets) };
}

async function* oneChunk(octets: Uint8Array): AsyncIterable<Uint8Array> {
  if (octets.length > 0) yield octets;
}

function isIntact(place: BodyRef, octets: Uint8Array): boolean {
  return octets.length === place.bytes && hashContent([octets]) === place.sha256;
}

/** Contents with equal checksums are equal, so this is key enough. */
function moveKey(ref: BodyRef): string {
  return `${ref.key} ${ref.sha256}`;
}
