/** Accepting mail on a real S3 server that stops answering, dies and comes back. */
import { randomBytes } from 'node:crypto';
import type { BodyRef } from '@railpost/mail';
import {
  ConditionalWriteError,
  type ObjectStore,
  SpoolLocationError,
  SpoolUnavailableError,
  checkConditionalWrites,
  openObjectStore,
  openSegmentReader,
  openSegmentWriter,
  readSegment,
} from '@railpost/spool';
import { type S3Server, startS3Server } from '@railpost/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyStore } from './faulty-store.ts';

let server: S3Server;
let store: ObjectStore;

beforeEach(async () => {
  server = await startS3Server();
  store = await openObjectStore(await server.location('outage', 'p'));
});

afterEach(async () => {
  await store.close();
  await server.stop();
});

describe('a segment writer on S3', () => {
  it.each([
    ['small', 5_000],
    ['large', 12 * 1024 * 1024],
  ])('stores and reads back a %s message', async (_, bytes) => {
    const writer = openSegmentWriter(store);
    const content = randomBytes(bytes);

    const body = await put(writer, content);

    expect(await contentOf(body)).toEqual(content);
    expect((await readSegment(store, body.key)).records).toHaveLength(1);
    await writer.close();
  });

  it('refuses soon when the server is gone, and nothing appears', async () => {
    const writer = openSegmentWriter(store, { refusalMs: 300 });
    await server.kill();

    await expect(put(writer, randomBytes(5_000))).rejects.toMatchObject({ effect: 'none' });

    await server.restart();
    expect(await keys()).toEqual([]);
    expect(await contentOf(await put(writer, randomBytes(10)))).toHaveLength(10);
    await writer.close();
  });

  it('keeps trying while the server is away for a moment', async () => {
    const writer = openSegmentWriter(store, { refusalMs: 10_000 });
    await server.kill();
    const committing = put(writer, randomBytes(5_000));

    await server.restart();

    expect(await contentOf(await committing)).toHaveLength(5_000);
    await writer.close();
  });

  it('decides by a void object when the server was silent past the deadline', async () => {
    const writer = openSegmentWriter(store, { deadlineMs: 500 });
    server.pause();
    const committing = put(writer, randomBytes(5_000)).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    server.resume();

    const decided = await committing;

    // The silent server had our PUT all the time: it may have carried it out before the void object, or not.
    const [key = '', ...others] = await keys();
    expect(others).toEqual([]);
    const { records } = await readSegment(store, key);
    const isRefused = decided instanceof SpoolUnavailableError && decided.effect === 'none';
    expect(records).toHaveLength(isRefused ? 0 : 1);
    await writer.close();
  });
});

describe('opening an S3 store', () => {
  it('says that trying again may help when the server is away', async () => {
    const location = await server.location('outage', 'p');
    await server.kill();

    await expect(openObjectStore(location)).rejects.toMatchObject({
      code: 'SPOOL_UNAVAILABLE',
      temporary: true,
    });
    await server.restart();
  });

  it('says what is wrong with a location', async () => {
    for (const location of [
      'dir:relative',
      's3://',
      's3://b/p?colour=red',
      'ftp://x',
      's3://b?credentials=/no',
    ]) {
      await expect(openObjectStore(location)).rejects.toThrow(SpoolLocationError);
    }
  });

  it('refuses a store that overwrites', async () => {
    const overwriting = new FaultyStore(store);
    overwriting.create = async (key, parts) => {
      await store.remove(key);
      return store.create(key, parts);
    };

    await expect(checkConditionalWrites(overwriting)).rejects.toThrow(ConditionalWriteError);
  });
});

async function put(writer: ReturnType<typeof openSegmentWriter>, content: Buffer): Promise<BodyRef> {
  const record = writer.begin();
  for (let start = 0; start < content.length; start += 65_536) {
    const wait = record.write(content.subarray(start, start + 65_536));
    if (wait !== undefined) await wait;
  }
  return record.commit(
    {
      version: 1,
      queueId: 'q',
      reversePath: 'a@example.test',
      recipients: [{ address: 'bob@example.test' }],
      smtputf8: false,
      client: {
        listener: 'mx',
        role: 'MX',
        address: '::1',
        port: 1,
        name: 'unknown',
        helo: 'x',
        protocol: 'SMTP',
      },
      receivedAt: '2026-11-21T16:00:00.000Z',
    },
    0,
  );
}

async function contentOf(body: BodyRef): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await openSegmentReader(store).read(body)).chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function keys(): Promise<string[]> {
  const all: string[] = [];
  for await (const { key } of store.list('segment/')) all.push(key);
  return all;
}
