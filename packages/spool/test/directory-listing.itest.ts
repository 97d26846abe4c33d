/** Listing a directory while objects in it become one: whoever reads the journal then must see the old ones or the new one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openObjectStore } from '../src/index.ts';

it('lists what replaced objects that went while the folder was read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-listing-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const store = await openObjectStore(`dir:${folder}`);
  onTestFinished(() => store.close());
  const keys = Array.from({ length: 200 }, (_, index) => `journal/1/0/${String(index).padStart(3, '0')}`);
  for (const key of keys) await store.create(key, [Buffer.from(key)]);

  const listed: string[] = [];
  for await (const { key } of store.list('journal/')) {
    listed.push(key);
    if (listed.length !== 1) continue;
    await store.create('journal/1/0/199~100', [Buffer.from('all of them')]);
    await Promise.all(keys.slice(100).map((each) => store.remove(each)));
  }

  expect(listed).toEqual([...keys.slice(0, 100), 'journal/1/0/199~100']);
});
