/**
 * The completion journal's objects: `journal/<generation>/<shard>/<time>-<epoch>-<counter>` in the spool, each the JSON of a
 * JournalObject, a line feed, and the SHA-256 of the JSON in hex.
 */
import { hash } from 'node:crypto';
import { JournalObject } from '@railpost/contracts';
import { ContentCorruptError } from './errors.ts';

/** Prefix of all journal objects. */
export const journalPrefix = 'journal/';

/** What the name of a journal object says. */
export interface JournalObjectName {
  readonly key: string;
  readonly generation: number;
  readonly shard: number;
  readonly timeMs: number;
  readonly epoch: number;
  readonly counter: number;
}

const namePattern = /^journal\/(\d+)\/(\d+)\/(\d+)-(\d+)-(\d+)$/;

/** The name of an object written at `timeMs` (milliseconds since the epoch). */
export function journalObjectKey(object: JournalObject, timeMs: number): string {
  const { generation, shard, epoch, counter } = object;
  return `${journalPrefix}${generation}/${shard}/${String(timeMs).padStart(13, '0')}-${epoch}-${counter}`;
}

/** Parses a name; undefined when it is none. */
export function parseJournalObjectKey(key: string): JournalObjectName | undefined {
  const match = namePattern.exec(key);
  if (match === null) return undefined;
  const [generation = 0, shard = 0, timeMs = 0, epoch = 0, counter = 0] = match.slice(1).map(Number);
  return { key, generation, shard, timeMs, epoch, counter };
}

/** The octets of a journal object. */
export function encodeJournalObject(object: JournalObject): Uint8Array {
  const json = JSON.stringify(object);
  return Buffer.from(`${json}\n${hash('sha256', json)}\n`, 'utf8');
}

/** @throws ContentCorruptError */
export function decodeJournalObject(key: string, octets: Uint8Array): JournalObject {
  const text = Buffer.from(octets).toString('utf8');
  const end = text.length - 66;
  const json = text.slice(0, Math.max(0, end));
  if (text.slice(Math.max(0, end)) !== `\n${hash('sha256', json)}\n`) {
    throw new ContentCorruptError(key, 'checksum of the journal object differs');
  }
  try {
    return JournalObject.parse(JSON.parse(json));
  } catch (error) {
    throw new ContentCorruptError(key, 'the journal object cannot be read', error);
  }
}
