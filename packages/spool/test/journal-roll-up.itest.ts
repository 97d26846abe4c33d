/** Rolling up the journal, in a directory and in a bucket: entries keep their order, may repeat, never vanish. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalEntry, JournalKind } from '@railpost/contracts';
import {
  type JournalOwner,
  type JournalRollUpOptions,
  loadJournal,
  openJournalWriter,
  openObjectStore,
  rollUpJournal,
} from '@railpost/spool';
import { type S3Server, startS3Server } from '@railpost/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FaultyStore } from './faulty-store.ts';

let server: S3Server;
let folder: string;

beforeAll(async () => {
  server = await startS3Server();
  folder = await mkdtemp(join(tmpdir(), 'railpost-roll-up-'));
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const implementations = [
  { name: 'directory', locate: async () => `dir:${folder}/${randomBytes(4).toString('hex')}` },
  { name: 'S3', locate: async () => server.location(`roll-up-${randomBytes(4).toString('hex')}`) },
];

const owner: JournalOwner = { generation: 1, shard: 0, epoch: 7 };
const minuteMs = 60_000;
const startMs = 1_795_000_000_000;

/** A store that does something before one of its reads, as another process may. */
class InterruptedStore extends FaultyStore {
  beforeRead: (() => Promise<void>) | undefined;
  override async read(key: string): Promise<Uint8Array> {
    await this.beforeRead?.();
    return super.read(key);
  }
}

describe.each(implementations)('rolling up a journal on $name', ({ locate }) => {
  let store: InterruptedStore;
  beforeEach(async () => {
    store = new InterruptedStore(await openObjectStore(await locate()));
  });

  /** One object per entry, a second apart. */
  async function append(
    who: JournalOwner,
    entries: readonly JournalEntry[],
    fromMs = startMs,
  ): Promise<void> {
    let nowMs = fromMs;
    const writer = openJournalWriter(store, who, { spacingMs: 0, now: () => nowMs });
    for (const [index, each] of entries.entries()) {
      await writer.append([each], { rp_ACTIVE_0: index, [`s${index % 2}`]: index });
      nowMs += 1000;
    }
    await writer.close();
  }

  function rollUp(options: Partial<JournalRollUpOptions> = {}, who = owner) {
    return rollUpJournal(store, who, { now: () => startMs + 10 * minuteMs, pauseMs: 0, ...options });
  }

  async function load() {
    const objects = [];
    for await (const object of loadJournal(store)) objects.push(object);
    return objects;
  }

  async function loadIds(): Promise<string[]> {
    return (await load()).flatMap((object) => object.entries.map(({ queueId }) => queueId));
  }

  async function keys(): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of store.list('journal/')) found.push(key);
    return found;
  }

  it('makes one of the old ones; the young and the newest stay', async () => {
    await append(owner, entriesOf('a', 'b', 'c', 'd', 'e'));

    const result = await rollUp({ now: () => startMs + minuteMs + 3500 });

    expect(result).toEqual({ made: 1, removed: 4 });
    const [first, second] = await load();
    expect(first?.entries.map(({ queueId }) => queueId)).toEqual(['a', 'b', 'c', 'd']);
    expect(first).toMatchObject({ ...owner, counter: 4, lastSequences: { rp_ACTIVE_0: 3, s0: 2, s1: 3 } });
    expect(second).toMatchObject({ counter: 5 });
    expect(await rollUp({ now: () => startMs + minuteMs + 3500 })).toEqual({ made: 0, removed: 0 });
    expect(await rollUp()).toEqual({ made: 0, removed: 0 });
    expect(await loadIds()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('reads no original whose octets the owner remembers', async () => {
    await append(owner, entriesOf('a', 'b', 'c', 'd'));
    const remembered = new Map<string, Uint8Array>();
    for (const key of await keys()) remembered.set(key, await store.read(key));
    remembered.delete((await keys())[1] ?? '');
    let reads = 0;
    store.beforeRead = async () => void (reads += 1);

    const result = await rollUp({ recall: (key) => remembered.get(key) });

    store.beforeRead = undefined;
    expect(result).toEqual({ made: 1, removed: 3 });
    expect(reads).toBe(1);
    expect(await loadIds()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('leaves a damaged object as it is, and rolls up what lies on either side of it', async () => {
    await append(owner, entriesOf('a', 'b', 'c', 'd', 'e', 'f'));
    const damagedKey = (await keys())[2] ?? '';
    const octets = await store.read(damagedKey);
    await store.remove(damagedKey);
    await store.create(damagedKey, [octets.subarray(0, octets.length - 70)]);

    expect(await rollUp()).toEqual({ made: 2, removed: 4 });

    expect(await keys()).toContain(damagedKey);
    const found: string[] = [];
    for await (const { entries } of loadJournal(store, { onDamaged: () => undefined }))
      found.push(...entries.map(({ queueId }) => queueId));
    expect(found).toEqual(['a', 'b', 'd', 'e', 'f']);
    expect(await rollUp()).toEqual({ made: 0, removed: 0 });
  });

  it('leaves an object that is too young, and all behind it', async () => {
    await append(owner, entriesOf('a', 'b', 'c', 'd', 'e'));

    expect(await rollUp({ now: () => startMs + minuteMs + 2000 })).toEqual({ made: 1, removed: 2 });
    expect(await keys()).toHaveLength(4);
  });

  it('killed between making and removing it leaves both, in an order that ends in the same state', async () => {
    await append(owner, [entry('x', 'held'), entry('x', 'released'), entry('x', 'held'), ...entriesOf('z')]);
    const death = new AbortController();

    await rollUp({ onMerged: () => death.abort(), signal: death.signal });

    const kinds = (await load()).flatMap((object) => object.entries.map(({ kind }) => kind));
    expect(kinds).toEqual(['held', 'released', 'held', 'held', 'released', 'held', 'delivered']);
    expect(await rollUp()).toEqual({ made: 0, removed: 3 });
    expect(await load()).toHaveLength(2);
  });

  it.each([0, 1, 2, 3])('killed after %d removals the rest goes in the next run', async (count) => {
    await append(owner, entriesOf('a', 'b', 'c', 'd', 'e'));
    const death = new AbortController();
    await rollUp({ onMerged: () => death.abort(), signal: death.signal });
    for (const key of (await keys()).filter((each) => !each.includes('~')).slice(0, count)) {
      await store.remove(key);
    }

    expect(new Set(await loadIds())).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
    expect(await rollUp()).toEqual({ made: 0, removed: 4 - count });
    expect(await loadIds()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('removes nothing when the new object could not be made, whether its answer was lost or not', async () => {
    await append(owner, entriesOf('a', 'b', 'c'));
    store.faults = ['refused', 'answer-lost'];

    await expect(rollUp()).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    expect(await keys()).toHaveLength(3);
    await expect(rollUp()).rejects.toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    expect(await keys()).toHaveLength(4);

    expect(await rollUp()).toEqual({ made: 0, removed: 2 });
    expect(await loadIds()).toEqual(['a', 'b', 'c']);
  });

  it('two runs at once lose nothing', async () => {
    await append(owner, entriesOf('a', 'b', 'c', 'd', 'e'));

    await Promise.all([rollUp(), rollUp({ now: () => startMs + minuteMs + 1500 }), rollUp()]);
    await rollUp();

    expect(new Set(await loadIds())).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
    expect((await keys()).filter((key) => !key.includes('~'))).toHaveLength(1);
  });

  it('of a deposed owner touches its own objects only, which stay before those of the next', async () => {
    await append(owner, entriesOf('a', 'b', 'c'), startMs + minuteMs);
    await append({ ...owner, epoch: 8 }, entriesOf('d', 'e', 'f'));
    await append({ ...owner, shard: 1 }, entriesOf('g', 'h', 'i'));
    const others = (await keys()).filter((key) => !key.includes('-7-') || key.includes('/1/1/'));

    expect(await rollUp()).toEqual({ made: 1, removed: 2 });

    expect(await keys()).toEqual(expect.arrayContaining(others));
    expect(await loadIds()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']);
  });

  it('makes several of bounded size, and reads no more at once', async () => {
    const ids = Array.from({ length: 11 }, (_, index) => `q${index}`);
    await append(owner, entriesOf(...ids));

    expect(await rollUp({ maxEntries: 4 })).toEqual({ made: 3, removed: 10 });

    expect((await load()).map(({ entries }) => entries.length)).toEqual([4, 4, 2, 1]);
    expect(await loadIds()).toEqual(ids);
  });

  it('bounds the octets too', async () => {
    await append(owner, entriesOf('a', 'b', 'c', 'd', 'e'));
    let bytes = 0;
    for await (const each of store.list('journal/')) bytes = Math.max(bytes, each.bytes);

    expect(await rollUp({ maxBytes: 2 * bytes })).toEqual({ made: 2, removed: 4 });
    expect(await loadIds()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('removes an original that came back: a request may land long after its repetition', async () => {
    await append(owner, entriesOf('a', 'b', 'c'));
    const [key = ''] = await keys();
    const octets = await store.read(key);
    await rollUp();
    await store.create(key, [octets]);

    expect(await loadIds()).toEqual(['a', 'a', 'b', 'c']);
    expect(await rollUp()).toEqual({ made: 0, removed: 1 });
  });

  it('between any two reads of a reader hides no entry from it', async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `q${index}`);
    for (let moment = 0; moment < ids.length; moment += 1) {
      const shard = moment + 10;
      const who = { ...owner, shard };
      await append(who, entriesOf(...ids));
      let reads = 0;
      store.beforeRead = async () => {
        reads += 1;
        if (reads <= moment) return;
        store.beforeRead = undefined;
        await rollUp({}, who);
      };

      const found = [];
      for await (const object of loadJournal(store, { generation: 1, shard })) {
        for (const { queueId } of object.entries) found.push(queueId);
      }

      expect([...new Set(found)]).toEqual(ids);
      expect(await keys()).toContainEqual(expect.stringMatching(new RegExp(`^journal/1/${shard}/.*~1$`)));
    }
  });
});

function entriesOf(...queueIds: readonly string[]): JournalEntry[] {
  return queueIds.map((queueId) => entry(queueId, 'delivered'));
}

function entry(queueId: string, kind: JournalKind): JournalEntry {
  return { queueId, orig: 0, final: 'bob@example.test', kind, run: 'r', n: 1 };
}
