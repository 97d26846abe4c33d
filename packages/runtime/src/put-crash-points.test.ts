import type { CreateResult, ObjectStore } from '@railpost/spool';
import { expect, it } from 'vitest';
import { createCrashPoint } from './crash-point.ts';
import { withPutCrashPoints } from './put-crash-points.ts';

/** A store of names only. */
function openStore(): ObjectStore & { readonly names: Set<string> } {
  const names = new Set<string>();
  const put = async (key: string): Promise<CreateResult> => {
    if (names.has(key)) return 'exists';
    names.add(key);
    return 'created';
  };
  const unused = () => Promise.reject(new Error('not in this test'));
  return {
    names,
    location: 'memory',
    create: put,
    createStream: async (key) => ({
      bufferedBytes: 0,
      write: async () => undefined,
      finish: () => put(key),
      abort: async () => undefined,
    }),
    size: unused,
    read: unused,
    readStream() {
      throw new Error('not in this test');
    },
    async *list() {
      for (const key of names) yield { key, bytes: 0, modifiedAtMs: 0 };
    },
    remove: unused,
    close: async () => undefined,
  };
}

/** Runs until the process would have died; the names that were stored by then. */
async function storedAtDeath(specification: string): Promise<string[] | undefined> {
  const store = openStore();
  let stored: string[] | undefined;
  const crashPoint = createCrashPoint(specification, () => {
    stored ??= [...store.names];
  });
  const wrapped = withPutCrashPoints(store, specification, crashPoint);
  await wrapped.create('generation/1', []);
  await wrapped.create('segment/a', []);
  await wrapped.create('segment/a', []);
  await wrapped.create('journal/1/0/a', []);
  await (await wrapped.createStream('segment/b')).finish();
  await wrapped.create('journal/1/0/b', []);
  return stored;
}

it.each([
  ['spool.put-applied', ['generation/1', 'segment/a']],
  ['spool.put-applied:2', ['generation/1', 'segment/a', 'journal/1/0/a', 'segment/b']],
  ['journal.put-applied', ['generation/1', 'segment/a', 'journal/1/0/a']],
  ['journal.put-applied:3', undefined],
])('at %s the process dies when the object is stored, and nothing after it', async (specification, names) => {
  expect(await storedAtDeath(specification)).toEqual(names);
});

it.each([undefined, 'ingress.before-put', 'spool.put', 'spool.put-applied-not'])(
  'leaves the store alone for %s',
  (specification) => {
    const store = openStore();

    expect(withPutCrashPoints(store, specification, createCrashPoint(specification))).toBe(store);
  },
);
