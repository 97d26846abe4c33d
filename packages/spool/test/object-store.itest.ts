/** The contract of ObjectStore, run on both shipped implementations: a directory, and a bucket of a real S3 server. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ObjectStore,
  ObjectMissingError,
  checkConditionalWrites,
  openObjectStore,
} from '@railpost/spool';
import { type S3Server, startS3Server } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let server: S3Server;
let folder: string;

beforeAll(async () => {
  server = await startS3Server();
  folder = await mkdtemp(join(tmpdir(), 'railpost-store-'));
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const implementations = [
  { name: 'directory', locate: async () => `dir:${folder}/${randomBytes(4).toString('hex')}` },
  {
    name: 'S3',
    locate: async () => server.location(`contract-${randomBytes(4).toString('hex')}`, 'some/prefix'),
  },
];

describe.each(implementations)('object store on $name', ({ locate }) => {
  let store: ObjectStore;
  beforeAll(async () => {
    store = await openObjectStore(await locate());
  });
  afterAll(() => store.close());

  it('reads back what was created from parts, whole and in ranges', async () => {
    const parts = [Buffer.from('one '), Buffer.alloc(0), Buffer.from([0, 255, 128]), Buffer.from(' three')];

    expect(await store.create('read/a', parts)).toBe('created');

    const whole = Buffer.concat(parts);
    expect(Buffer.from(await store.read('read/a')).equals(whole)).toBe(true);
    expect(Buffer.from(await store.read('read/a', { offset: 4, bytes: 3 }))).toEqual(
      Buffer.from([0, 255, 128]),
    );
    expect(Buffer.from(await store.read('read/a', { offset: 8, bytes: 1000 })).toString()).toBe('three');
    expect(await store.read('read/a', { offset: 2, bytes: 0 })).toHaveLength(0);
    expect(await store.size('read/a')).toBe(whole.length);
    expect((await collect(store.readStream('read/a', { offset: 1, bytes: 2 }))).toString()).toBe('ne');
    expect((await collect(store.readStream('read/a'))).equals(whole)).toBe(true);
  });

  it('never overwrites: the second create of a name says so and changes nothing', async () => {
    await store.create('once', [Buffer.from('first')]);

    const second = await store.create('once', [Buffer.from('second')]);

    expect(second).toBe('exists');
    expect(Buffer.from(await store.read('once')).toString()).toBe('first');
  });

  it('stores an object of no octets, which takes the name as any other', async () => {
    expect(await store.create('void', [])).toBe('created');
    expect(await store.create('void', [Buffer.from('late')])).toBe('exists');
    expect(await store.read('void')).toHaveLength(0);
    expect(await store.size('void')).toBe(0);
  });

  it('lets exactly one of sixteen racing creators win', async () => {
    const results = await Promise.all(
      Array.from({ length: 16 }, (_, index) => store.create('race/x', [Buffer.from(`creator ${index}`)])),
    );

    expect(results.filter((result) => result === 'created')).toHaveLength(1);
    const winner = results.indexOf('created');
    expect(Buffer.from(await store.read('race/x')).toString()).toBe(`creator ${winner}`);
  });

  it('says that an object is missing', async () => {
    await expect(store.read('nowhere/at-all')).rejects.toThrow(ObjectMissingError);
    await expect(store.read('nowhere', { offset: 1, bytes: 2 })).rejects.toThrow(ObjectMissingError);
    await expect(store.size('nowhere')).rejects.toThrow(ObjectMissingError);
    await expect(collect(store.readStream('nowhere'))).rejects.toThrow(ObjectMissingError);
  });

  it('removes objects, and does not mind when there is none', async () => {
    await store.create('gone/a', [Buffer.from('x')]);

    await store.remove('gone/a');
    await store.remove('gone/a');

    await expect(store.read('gone/a')).rejects.toThrow(ObjectMissingError);
    expect(await store.create('gone/a', [Buffer.from('again')])).toBe('created');
  });

  it('lists by prefix in the order of octets, across folders, and from a place on', async () => {
    const keys = ['l/a-b', 'l/a/1', 'l/a/2', 'l/a~1', 'l/a~10', 'l/a~2', 'l/b', 'l/b~1', 'lx'];
    for (const key of keys.toReversed()) await store.create(key, [Buffer.from(key)]);

    expect(await keysOf(store.list('l/'))).toEqual(keys.slice(0, -1));
    expect(await keysOf(store.list('l'))).toEqual(keys);
    expect(await keysOf(store.list('l/a~'))).toEqual(['l/a~1', 'l/a~10', 'l/a~2']);
    expect(await keysOf(store.list('l/', 'l/a/1'))).toEqual(keys.slice(2, -1));
    expect(await keysOf(store.list('l/', 'l/a/zz'))).toEqual(keys.slice(3, -1));
    expect(await keysOf(store.list('nothing/here'))).toEqual([]);
    const [first] = await gather(store.list('l/'));
    expect(first?.bytes).toBe(5);
    expect(Math.abs((first?.modifiedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('lists more than one page', { timeout: 60_000 }, async () => {
    const keys = Array.from({ length: 1100 }, (_, index) => `many/${String(index).padStart(5, '0')}`);
    for (let start = 0; start < keys.length; start += 50) {
      await Promise.all(keys.slice(start, start + 50).map((key) => store.create(key, [Buffer.from('.')])));
    }

    expect(await keysOf(store.list('many/'))).toEqual(keys);
  });

  it('makes an object of streamed pieces appear whole at the end', async () => {
    const pieces = Array.from({ length: 170 }, () => randomBytes(64 * 1024)); // two parts of 5 MiB and a rest
    const upload = await store.createStream('streamed/big');
    for (const piece of pieces) await upload.write(piece);
    await expect(store.size('streamed/big')).rejects.toThrow(ObjectMissingError);

    expect(await upload.finish()).toBe('created');

    expect((await collect(store.readStream('streamed/big'))).equals(Buffer.concat(pieces))).toBe(true);
  });

  it('holds at most one part of a stream in memory', async () => {
    const upload = await store.createStream('streamed/bounded');
    for (let count = 0; count < 100; count += 1) {
      await upload.write(Buffer.alloc(256 * 1024));
      expect(upload.bufferedBytes).toBeLessThanOrEqual(5 * 1024 * 1024);
    }
    await upload.abort();
  });

  it.each([
    ['short', 1],
    ['long', 6 * 1024],
  ])('does not replace an object by a %s stream', async (name, kibibytes) => {
    const key = `streamed/taken-${name}`;
    const upload = await store.createStream(key);
    for (let count = 0; count < kibibytes; count += 1) await upload.write(Buffer.alloc(1024));
    await store.create(key, []);

    expect(await upload.finish()).toBe('exists');

    await upload.abort();
    expect(await store.size(key)).toBe(0);
  });

  it('leaves nothing behind of a stream that is given up', async () => {
    const upload = await store.createStream('streamed/aborted');
    await upload.write(Buffer.alloc(6 * 1024 * 1024));

    await upload.abort();

    expect(await keysOf(store.list('streamed/aborted'))).toEqual([]);
  });

  it('refuses names that could leave its folder', async () => {
    for (const key of ['../x', 'a/../b', '/abs', 'a//b', 'a/', '', 'a b', 'ä', '.']) {
      await expect(store.create(key, [])).rejects.toThrow(RangeError);
    }
  });

  it('passes the check of conditional writes', async () => {
    await expect(checkConditionalWrites(store)).resolves.toBeUndefined();
  });
});

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await gather(pieces));
}

async function keysOf(listed: AsyncIterable<{ readonly key: string }>): Promise<string[]> {
  return (await gather(listed)).map(({ key }) => key);
}

async function gather<Each>(source: AsyncIterable<Each>): Promise<Each[]> {
  const all: Each[] = [];
  for await (const each of source) all.push(each);
  return all;
}
