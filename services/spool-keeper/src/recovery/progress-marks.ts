/**
 * How far a recovery has come: `recovery/<generation>/<number>` in the spool, each behind all messages that it covers, the latest one
 * counts. Only to save time: a recovery that begins anew puts messages back that are back already, and their owners find that out.
 */
import { ObjectMissingError, type ObjectStore } from '@railpost/spool';
import { z } from 'zod';

const Mark = z.object({ version: z.literal(1), after: z.string() });
const digits = 8;

/** The marks of one recovery. */
export interface ProgressMarks {
  /** Key of the last segment that was finished by an earlier try; undefined: begin at the beginning. */
  readonly after: string | undefined;
  /** Notes that everything up to this segment is back in the queue. @throws SpoolUnavailableError */
  note(after: string): Promise<void>;
  /** Removes all marks. @throws SpoolUnavailableError */
  clear(): Promise<void>;
}

/** Reads the marks of a generation. @throws SpoolUnavailableError */
export async function openProgressMarks(store: ObjectStore, generation: number): Promise<ProgressMarks> {
  const folder = `recovery/${generation}/`;
  let keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  const last = keys.at(-1);
  let number = Number(last?.slice(folder.length) ?? 0);
  return {
    after: last === undefined ? undefined : await readMark(store, last),
    async note(after) {
      number += 1;
      const key = `${folder}${String(number).padStart(digits, '0')}`;
      await store.create(key, [Buffer.from(`${JSON.stringify({ version: 1, after })}\n`, 'utf8')]);
      const former = keys;
      keys = [key];
      for (const each of former) if (each !== key) await store.remove(each);
    },
    async clear() {
      for (const key of keys) await store.remove(key);
      keys = [];
    },
  };
}

async function readMark(store: ObjectStore, key: string): Promise<string | undefined> {
  try {
    return Mark.parse(JSON.parse(Buffer.from(await store.read(key)).toString('utf8'))).after;
  } catch (error) {
    // Removed by another keeper, or damaged: from the beginning, then.
    if (error instanceof ObjectMissingError || error instanceof SyntaxError || error instanceof z.ZodError)
      return undefined;
    throw error;
  }
}
