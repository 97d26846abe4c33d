/**
 * How journal objects stand in the store: what is said of messages that are finished and gone from the spool takes 22 octets an original
 * instead of 140, because a day of it is kept (durability rule 17). The journal of a day of 5 KB messages is then as large as six
 * minutes of them. Unfolded, each is an entry that ends its original as a whole.
 */
import {
  type JournalEntry,
  JournalKind,
  JournalObject,
  isTerminal,
  wholeOriginalRun,
} from '@railpost/contracts';
import { z } from 'zod';

/** Originals of messages that have been in no object of the spool since that time. */
const Finished = z.object({
  sinceMs: z.number(),
  kind: JournalKind,
  /** `<queue id>/<orig>`. */
  originals: z.array(z.string()),
});
type Finished = z.infer<typeof Finished>;

/** A journal object as stored. */
export const StoredJournalObject = JournalObject.extend({ finished: z.array(Finished).optional() });
export type StoredJournalObject = z.infer<typeof StoredJournalObject>;

/** One of `originals` in the text of an object. */
export const finishedPattern = /"([0-9A-Za-z]{16})\/(\d+)"/g;

/** The entry that says that an original of an absent message is finished, whatever it expanded to. */
export function finishedEntry(
  queueId: string,
  orig: number,
  kind: JournalKind,
  absentSinceMs: number,
): JournalEntry {
  return { queueId, orig, final: '', kind, run: wholeOriginalRun, n: 1, absentSinceMs };
}

/** As it is stored. */
export function foldFinished(object: JournalObject): StoredJournalObject {
  const entries: JournalEntry[] = [];
  const groups = new Map<string, Finished>();
  for (const entry of object.entries) {
    const { queueId, orig, kind, absentSinceMs: sinceMs } = entry;
    if (sinceMs === undefined || !isFoldable(entry)) {
      entries.push(entry);
      continue;
    }
    const name = `${sinceMs} ${kind}`;
    const group = groups.get(name) ?? { sinceMs, kind, originals: [] };
    group.originals.push(`${queueId}/${orig}`);
    groups.set(name, group);
  }
  return groups.size === 0 ? object : { ...object, entries, finished: [...groups.values()] };
}

/** As everybody reads it. @throws TypeError when an original is none */
export function unfoldFinished({ finished, ...object }: StoredJournalObject): JournalObject {
  if (finished === undefined) return object;
  const entries = finished.flatMap(({ sinceMs, kind, originals }) =>
    originals.map((text) => {
      const [, queueId, orig] = /^([0-9A-Za-z]{16})\/(\d+)$/.exec(text) ?? [];
      if (queueId === undefined) throw new TypeError('not an original of a message');
      return finishedEntry(queueId, Number(orig), kind, sinceMs);
    }),
  );
  return { ...object, entries: [...entries, ...object.entries] };
}

function isFoldable({ queueId, orig, final, kind, run }: JournalEntry): boolean {
  return (
    final === '' &&
    run === wholeOriginalRun &&
    orig >= 0 &&
    isTerminal(kind) &&
    /^[0-9A-Za-z]{16}$/.test(queueId)
  );
}
