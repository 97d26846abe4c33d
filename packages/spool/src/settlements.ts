/**
 * The recipients that reports in a segment settle (durability rule 6), read without parsing the index when there are none, as in nearly
 * every segment: recovery looks through the whole spool for them first.
 */
import type { Settlement } from '@railpost/mail';
import type { ObjectStore } from './object-store.ts';
import { decodeIndex, readIndexOctets } from './segment-format.ts';

/** @param sizeBytes as a listing gave it @throws ObjectMissingError, ContentCorruptError, SpoolUnavailableError */
export async function readSettlements(
  store: ObjectStore,
  key: string,
  sizeBytes: number,
): Promise<readonly Settlement[]> {
  const found = await readIndexOctets(store, key, sizeBytes);
  if (found === undefined || Buffer.from(found.index).indexOf('"settles":') < 0) return [];
  return decodeIndex(key, found.footer, found.index).flatMap(({ envelope }) => envelope.settles ?? []);
}
