/**
 * Survivors of a segment move to a later copy (durability rule 16): X to `X~1`, `X~1` to `X~2`. The copy is created with "only if absent" and
 * every content is checked against its SHA-256 on the way; only then may the older copy be removed, by the caller. A name that is taken
 * is another keeper's copy: it holds at least what is open now, because messages only ever become complete. That is checked, not believed.
 */
import { ContentCorruptError } from './errors.ts';
import { type ObjectStore, totalBytes } from './object-store.ts';
import {
  type SegmentRecord,
  encodeSegmentEnd,
  formatIndexEntry,
  hashContent,
  readSegment,
} from './segment-format.ts';
import { nextSurvivorKey } from './segment-key.ts';

/** What became of the survivors. */
export interface SurvivorCopy {
  readonly key: string;
  /** Octets of the object. */
  readonly bytes: number;
  readonly records: readonly SegmentRecord[];
}

/**
 * Writes the survivors of a segment into its next copy; durable when it resolves. Holds their contents in memory: at most a segment.
 * @param isSurvivor asked once per record; at least one must be
 * @returns undefined when the name is taken by a copy that lacks one of the survivors: another keeper knows more or less than we do, so
 *   nothing may be removed on our word
 * @throws ObjectMissingError another keeper was faster; ContentCorruptError a survivor is damaged, so it stays where it is;
 *   SpoolUnavailableError the copy may or may not exist
 */
export async function copySurvivors(
  store: ObjectStore,
  key: string,
  isSurvivor: (record: SegmentRecord) => boolean,
): Promise<SurvivorCopy | undefined> {
  const { records } = await readSegment(store, key);
  const survivors = records.filter(isSurvivor);
  if (survivors.length === 0) throw new RangeError(`${key} has no survivors`);
  const target = nextSurvivorKey(key);
  const copy = await gather(store, target, survivors);
  const bytes = totalBytes(copy.parts);
  if ((await store.create(target, copy.parts)) === 'created')
    return { key: target, bytes, records: copy.records };
  return checkOther(store, target, survivors);
}

async function gather(
  store: ObjectStore,
  target: string,
  survivors: readonly SegmentRecord[],
): Promise<{ readonly parts: readonly Uint8Array[]; readonly records: readonly SegmentRecord[] }> {
  const parts: Uint8Array[] = [];
  const entries: string[] = [];
  const records: SegmentRecord[] = [];
  let offset = 0;
  for (const { envelope, body } of survivors) {
    const content = await store.read(body.key, { offset: body.offset, bytes: body.bytes });
    if (content.length !== body.bytes || hashContent([content]) !== body.sha256)
      throw new ContentCorruptError(body.key, `checksum differs at offset ${body.offset}`);
    const moved = { ...body, key: target, offset };
    parts.push(content);
    entries.push(formatIndexEntry(moved, envelope));
    records.push({ envelope, body: moved });
    offset += body.bytes;
  }
  parts.push(encodeSegmentEnd(offset, entries));
  return { parts, records };
}

async function checkOther(
  store: ObjectStore,
  target: string,
  survivors: readonly SegmentRecord[],
): Promise<SurvivorCopy | undefined> {
  const bytes = await store.size(target);
  const { records } = await readSegment(store, target, bytes);
  const held = new Set(records.map(identityOf));
  return survivors.every((each) => held.has(identityOf(each))) ? { key: target, bytes, records } : undefined;
}

function identityOf({ envelope, body }: SegmentRecord): string {
  return `${envelope.queueId} ${body.bytes} ${body.sha256}`;
}
