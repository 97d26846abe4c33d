/**
 * Crash points inside a PUT (durability.md, "Crash points"): the object is stored, and the process dies before it knows.
 * `spool.put-applied` is such a PUT of a segment, `journal.put-applied` one of a journal object. The store is wrapped only when
 * `--crash-at` or `--stop-at` names one of them.
 */
import { type CreateResult, type ObjectStore, journalPrefix, segmentPrefix } from '@railpost/spool';
import type { CrashPoint } from './crash-point.ts';

const prefixes = new Map([
  ['spool.put-applied', segmentPrefix],
  ['journal.put-applied', journalPrefix],
]);

/**
 * The store, its PUTs passing the crash point that `specification` names.
 * @param specification of `--crash-at` or `--stop-at`: `NAME` or `NAME:nth`
 */
export function withPutCrashPoints(
  store: ObjectStore,
  specification: string | undefined,
  crashPoint: CrashPoint,
): ObjectStore {
  const name = specification?.split(':')[0] ?? '';
  const prefix = prefixes.get(name);
  if (prefix === undefined) return store;
  async function passing(key: string, put: Promise<CreateResult>): Promise<CreateResult> {
    const result = await put;
    if (prefix !== undefined && result === 'created' && key.startsWith(prefix)) crashPoint(name);
    return result;
  }
  return {
    location: store.location,
    create: (key, parts, deadlineMs) => passing(key, store.create(key, parts, deadlineMs)),
    async createStream(key) {
      const upload = await store.createStream(key);
      return {
        get bufferedBytes() {
          return upload.bufferedBytes;
        },
        write: (chunk) => upload.write(chunk),
        finish: (deadlineMs) => passing(key, upload.finish(deadlineMs)),
        abort: () => upload.abort(),
      };
    },
    size: (key) => store.size(key),
    read: (key, range) => store.read(key, range),
    readStream: (key, range) => store.readStream(key, range),
    list: (prefixOfKeys, after) => store.list(prefixOfKeys, after),
    remove: (key) => store.remove(key),
    close: () => store.close(),
  };
}
