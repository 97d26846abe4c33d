/** Compaction of the journal, in a directory and in a bucket: few objects, no entry gone before its time, none kept for ever. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalEntry } from '@railpost/contracts';
import {
  type JournalCompactionOptions,
  type JournalOwner,
  type ObjectStore,
  compactJournal,
  loadJournal,
  openJournalWriter,
  openObjectStore,
  readPositions,
  rollUpJournal,
} from '@railpost/spool';
import { type S3Server, startS3Server } from '@railpost/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let server: S3Server;
let folder: string;

beforeAll(async () => {
  server = await startS3Server();
  folder = await mkdtemp(join(tmpdir(), 'railpost-compaction-'));
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const implementations = [
  { name: 'directory', locate: async () => `dir:${folder}/${randomBytes(4).toString('hex')}` },
  { name: 'S3', locate: async () => server.location(`compaction-${randomBytes(4).toString('hex')}`) },
];

const hourMs = 3_600_000;
const startMs = 1_795_000_000_000;
const owner: JournalOwner = { generation: 1, shard: 0, epoch: 7 };

function entry(queueId: string, more: Partial<JournalEntry> = {}): JournalEntry {
  return { queueId, orig: 0, final: 'x@x.test', kind: 'delivered', run: 'r', n: 1, ...more };
}

describe.each(implementations)('compacting a journal on $name', ({ locate }) => {
  let store: ObjectStore;
  let dueAtMs: Map<string, number>;
  let present: Set<string>;
  let nowMs: number;
  beforeEach(async () => {
    store = await openObjectStore(await locate());
    dueAtMs = new Map();
    present = new Set();
    nowMs = startMs;
  });

  /** One object per entry, a second apart. */
  async function append(ids: readonly string[], who: Partial<JournalOwner> = {}): Promise<void> {
    const writer = openJournalWriter(store, { ...owner, ...who }, { spacingMs: 0, now: () => nowMs });
    for (const [index, id] of ids.entries()) {
      await writer.append([entry(id)], { rp_ACTIVE_0: index + 1 });
      nowMs += 1000;
    }
    await writer.close();
  }

  function compact(more: Partial<JournalCompactionOptions> = {}): ReturnType<typeof compactJournal> {
    return compactJournal(store, {
      generation: 1,
      nowMs,
      olderThanMs: hourMs,
      keepMs: 24 * hourMs,
      isPresent: (queueId) => present.has(queueId),
      mayRemove: async () => true,
      dueAtMs,
      pauseMs: 0,
      signal: new AbortController().signal,
      ...more,
    });
  }

  async function ids(): Promise<string[]> {
    const found: string[] = [];
    for await (const { entries } of loadJournal(store)) found.push(...entries.map(({ queueId }) => queueId));
    return found;
  }

  async function keys(): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of store.list('journal/')) found.push(key);
    return found;
  }

  it('makes one object of many, and leaves the young ones', async () => {
    await append(['a', 'b', 'c']);
    nowMs += 2 * hourMs;
    await append(['d'], { epoch: 8 });

    const result = await compact();

    expect(result).toMatchObject({ objects: 4, made: 1, removed: 3, dropped: 0 });
    expect(await keys()).toHaveLength(2);
    expect(await ids()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('drops entries a day after their messages were first missed, not a day after they were written', async () => {
    await append(['a', 'b', 'last']);
    present.add('a');
    nowMs += 48 * hourMs;
    await compact();
    expect(await ids()).toEqual(['a', 'b', 'last']);

    nowMs += 23 * hourMs;
    await compact();
    expect(await ids()).toEqual(['a', 'b', 'last']);

    nowMs += 7 * hourMs;
    await compact();
    expect(await ids()).toEqual(['a']);
  });

  it('keeps entries of a message that came back', async () => {
    await append(['a', 'b']);
    nowMs += 2 * hourMs;
    await compact();
    present.add('a');
    nowMs += 25 * hourMs;
    await compact();
    expect(await ids()).toEqual(['a']);

    present.delete('a');
    nowMs += 23 * hourMs;
    await compact();
    expect(await ids()).toEqual(['a']);

    nowMs += 25 * hourMs;
    await compact();
    nowMs += 25 * hourMs;
    await compact();
    expect(await ids()).toEqual([]);
  });

  it('keeps how far the streams had come when no entry is left, for the present generation only', async () => {
    await append(['a', 'b']);
    await append(['c'], { generation: 2 });
    for (let day = 0; day < 3; day += 1) {
      nowMs += 25 * hourMs;
      await compact({ generation: 2 });
    }

    expect(await ids()).toEqual([]);
    expect(await keys()).toHaveLength(1);
    expect(await readPositions(store, 2)).toEqual({ rp_ACTIVE_0: 1 });
  });

  it('takes away what a run that died left behind', async () => {
    await append(['a', 'b', 'c']);
    nowMs += 2 * hourMs;
    await compact({ mayRemove: async () => false });
    expect(await keys()).toHaveLength(4);

    const result = await compact();

    expect(result).toMatchObject({ made: 0, removed: 3 });
    expect(await ids()).toEqual(['a', 'b', 'c']);
  });

  it('removes nothing when it may not', async () => {
    await append(['a', 'b']);
    nowMs += 2 * hourMs;

    const result = await compact({ mayRemove: async () => false });

    expect(result.removed).toBe(0);
    expect(await ids()).toEqual(['a', 'b', 'a', 'b']);
  });

  it('loses nothing when two keepers run at once', async () => {
    const many = Array.from({ length: 40 }, (_, index) => `m${index}`);
    await append(many);
    nowMs += 2 * hourMs;

    await Promise.all([
      compact({ maxBytes: 3000, dueAtMs: new Map() }),
      compact({ maxBytes: 4000, dueAtMs: new Map() }),
      compact({ maxBytes: 5000, dueAtMs: new Map() }),
    ]);
    await compact();

    expect([...new Set(await ids())].sort()).toEqual(many.toSorted());
  });

  it('goes along with an owner who rolls up', async () => {
    await append(['a', 'b', 'c', 'd']);
    nowMs += 90_000;
    await rollUpJournal(store, owner, { now: () => nowMs, pauseMs: 0 });
    nowMs += 2 * hourMs;
    await compact();
    await rollUpJournal(store, owner, { now: () => nowMs, pauseMs: 0 });
    await compact();

    expect(await ids()).toEqual(['a', 'b', 'c', 'd']);
    expect(await keys()).toHaveLength(1);
  });

  it('writes nothing when nothing has changed', async () => {
    await append(['a', 'b', 'c']);
    for (const id of ['a', 'b', 'c']) present.add(id);
    nowMs += 2 * hourMs;
    await compact();
    const before = await keys();

    nowMs += 24 * hourMs;
    const result = await compact();

    expect(result).toMatchObject({ made: 0, removed: 0 });
    expect(await keys()).toEqual(before);
  });

  it('remembers who is gone in few octets, and every original of them', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `4fJk2bQ9Zx${String(index).padStart(6, '0')}`);
    const writer = openJournalWriter(store, owner, { spacingMs: 0, now: () => nowMs });
    const final = 'somebody@partner.test';
    await writer.append(
      many.map((id) => entry(id, { orig: 1, final, run: '0123456789ab' })),
      {},
    );
    await writer.append(
      many.map((id) => entry(id, { final, run: '0123456789ab', n: 2 })),
      {},
    );
    await writer.close();
    nowMs += 2 * hourMs;

    await compact();

    const entries: JournalEntry[] = [];
    for await (const object of loadJournal(store)) entries.push(...object.entries);
    expect(entries.filter(({ run, orig }) => run === '-' && orig === 1)).toHaveLength(200);
    // Half of an expansion does not finish its original.
    expect(entries.filter(({ run, orig }) => run === '0123456789ab' && orig === 0)).toHaveLength(200);
  });

  it('keeps the number of objects bounded on a long run', async () => {
    const counts: number[] = [];
    for (let hour = 0; hour < 60; hour += 1) {
      await append([`${hour}-a`, `${hour}-b`], { epoch: 10 + hour });
      nowMs += hourMs;
      await compact();
      counts.push((await keys()).length);
    }

    // A day and an hour of one object an hour, and what is too young.
    expect(Math.max(...counts.slice(30))).toBeLessThanOrEqual(Math.max(...counts.slice(0, 30)) + 1);
    expect(await ids()).toContain('59-b');
    expect(await ids()).not.toContain('20-a');
  });

  it('leaves a damaged object and its neighbours as they are', async () => {
    await append(['a']);
    await store.create(`journal/1/0/${nowMs}-7-2`, [Buffer.from('{}\n')]);
    nowMs += 2 * hourMs;

    const result = await compact();

    expect(result).toMatchObject({ made: 0, removed: 0 });
    expect(await keys()).toHaveLength(2);
  });
});
