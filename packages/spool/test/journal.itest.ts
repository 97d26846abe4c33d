/** The completion journal and generations on a real directory. */
import { mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalEntry } from '@railpost/contracts';
import {
  ContentCorruptError,
  type JournalDamage,
  type JournalWriter,
  createGeneration,
  currentGeneration,
  loadJournal,
  openJournalWriter,
  openObjectStore,
} from '@railpost/spool';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyStore } from './faulty-store.ts';

let folder: string;
let store: FaultyStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'railpost-journal-'));
  store = new FaultyStore(await openObjectStore(`dir:${folder}`));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function elapsedMs(writer: JournalWriter, entries: readonly JournalEntry[]): Promise<number> {
  const startedAt = performance.now();
  await writer.append(entries, {});
  return performance.now() - startedAt;
}

describe('completion journal', () => {
  it('is loaded as it was appended', async () => {
    const writer = openJournalWriter(store, { generation: 1, shard: 0, epoch: 7 }, { spacingMs: 0 });
    await writer.append([entry('a'), entry('b')], { rp_ACTIVE_0: 5 });
    await writer.append([entry('c')], { rp_DEFER_0: 9 });
    await writer.close();

    const objects = await load();

    expect(objects.flatMap((object) => object.entries).map((each) => each.queueId)).toEqual(['a', 'b', 'c']);
    expect(objects.at(-1)).toMatchObject({
      generation: 1,
      shard: 0,
      epoch: 7,
      counter: 2,
      lastSequences: { rp_ACTIVE_0: 5, rp_DEFER_0: 9 },
    });
  });

  it('writes what comes together as one object', async () => {
    const writer = openJournalWriter(store, { generation: 1, shard: 0, epoch: 7 });

    await Promise.all(Array.from({ length: 100 }, (_, index) => writer.append([entry(`q${index}`)], {})));
    await writer.close();

    expect(await load()).toHaveLength(1);
  });

  it('lets few entries of a bucket wait for more, and as many as fill an object only for the spacing', async () => {
    const writer = openJournalWriter(store, { generation: 1, shard: 0, epoch: 7 }, { spacingMs: 1000 });
    await writer.append([entry('a')], {});

    const few = await elapsedMs(writer, [entry('b')]);
    const many = await elapsedMs(
      writer,
      Array.from({ length: 64 }, (_, index) => entry(`q${index}`)),
    );

    expect(few).toBeGreaterThan(2500);
    expect(many).toBeLessThan(few - 500);
    await writer.close();
  });

  it('lets the entries of a folder wait for the spacing alone', async () => {
    const local = await openObjectStore(`dir:${folder}`);
    const owner = { generation: 1, shard: 0, epoch: 7 };
    const ofFolder = openJournalWriter(local, owner, { spacingMs: 1000 });
    const ofBucket = openJournalWriter(store, { ...owner, shard: 1 }, { spacingMs: 1000 });
    await Promise.all([ofFolder, ofBucket].map((writer) => writer.append([entry('a')], {})));

    const [few, longer] = await Promise.all(
      [ofFolder, ofBucket].map((writer) => elapsedMs(writer, [entry('b')])),
    );

    expect(few).toBeLessThan((longer ?? 0) - 500);
    await Promise.all([ofFolder.close(), ofBucket.close(), local.close()]);
  });

  it('remembers what it wrote, and nothing else', async () => {
    const writer = openJournalWriter(store, { generation: 1, shard: 0, epoch: 7 });
    store.faults = ['answer-lost'];
    await writer.append([entry('a')], {});
    let key = '';
    for await (const listed of store.list('journal/')) ({ key } = listed);

    expect(Buffer.from(writer.recall(key) ?? '').equals(await store.read(key))).toBe(true);
    expect(writer.recall(`${key}~1`)).toBeUndefined();
    await writer.close();
  });

  it('goes on with what can be read of a cut object, and says which one it was', async () => {
    const writer = openJournalWriter(store, { generation: 1, shard: 0, epoch: 7 }, { spacingMs: 0 });
    await writer.append([entry('a'), entry('b')], {});
    await writer.append([entry('c')], {});
    await writer.close();
    const keys: string[] = [];
    for await (const { key } of store.list('journal/')) keys.push(key);
    const path = join(folder, 'objects', keys[0] ?? '');
    await truncate(path, (await stat(path)).size - 80);
    await expect(load()).rejects.toThrow(ContentCorruptError);

    const damages: JournalDamage[] = [];
    const found: string[] = [];
    for await (const { entries } of loadJournal(store, { onDamaged: (damage) => damages.push(damage) }))
      found.push(...entries.map(({ queueId }) => queueId));

    expect(found).toEqual(['a', 'c']);
    expect(damages).toMatchObject([{ key: keys[0], salvaged: 1 }]);
  });

  it('orders by epoch and counter, not by the clocks of the owners', async () => {
    const clocks = { fast: () => 2_000_000, slow: () => 1_000_000 };
    const first = openJournalWriter(store, { generation: 1, shard: 0, epoch: 9 }, { now: clocks.fast });
    const second = openJournalWriter(store, { generation: 1, shard: 0, epoch: 10 }, { now: clocks.slow });
    const other = openJournalWriter(store, { generation: 2, shard: 1, epoch: 3 }, { now: clocks.slow });
    await other.append([entry('d')], {});
    await second.append([entry('c')], {});
    await first.append([entry('a')], {});
    await first.append([entry('b')], {});

    const queueIds = async (selection: Parameters<typeof load>[0]) =>
      (await load(selection)).flatMap((object) => object.entries.map((each) => each.queueId));

    expect(await queueIds({})).toEqual(['a', 'b', 'c', 'd']);
    expect(await queueIds({ generation: 1 })).toEqual(['a', 'b', 'c']);
    expect(await queueIds({ generation: 2, shard: 1 })).toEqual(['d']);
    expect(await queueIds({ shard: 1 })).toEqual(['d']);
    expect(await queueIds({ sinceMs: 1_500_000 })).toEqual(['a', 'b']);
  });

  it('resolves only once the entries are durable, however often that fails', async () => {
    const failures: unknown[] = [];
    const writer = openJournalWriter(
      store,
      { generation: 1, shard: 0, epoch: 7 },
      { onFailure: (error) => failures.push(error) },
    );
    store.faults = ['refused', 'answer-lost'];

    await writer.append([entry('a')], {});

    expect(failures).toHaveLength(2);
    expect(await load()).toHaveLength(1);
  });

  it('rejects what is not durable when it is closed', async () => {
    const writer = openJournalWriter(store, { generation: 1, shard: 0, epoch: 7 });
    store.faults = Array.from({ length: 100 }, () => 'refused' as const);
    const append = writer.append([entry('a')], {}).catch((error: unknown) => error);

    await writer.close();

    expect(await append).toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    expect(await load()).toEqual([]);
  });
});

describe('generations', () => {
  it('start at none, and one of several makers makes the next', async () => {
    expect(await currentGeneration(store)).toBe(0);

    const made = await Promise.all([1, 2, 3, 4].map(() => createGeneration(store, 1)));

    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await currentGeneration(store)).toBe(1);
  });

  it('are ordered as numbers', async () => {
    for (const number of [2, 10, 9]) await createGeneration(store, number);

    expect(await currentGeneration(store)).toBe(10);
    await expect(createGeneration(store, 8192)).rejects.toThrow(RangeError);
  });
});

async function load(selection: Parameters<typeof loadJournal>[1] = {}) {
  const objects = [];
  for await (const object of loadJournal(store, selection)) objects.push(object);
  return objects;
}

function entry(queueId: string): JournalEntry {
  return { queueId, orig: 0, final: 'bob@example.test', kind: 'delivered', run: 'r', n: 1 };
}
