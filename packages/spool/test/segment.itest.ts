/** Writing and reading segments on a real directory, with the faults of a network in between. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BodyRef, Envelope } from '@railpost/mail';
import {
  BodyGoneError,
  ContentCorruptError,
  type RecordWriter,
  type SegmentWriter,
  type SegmentWriterOptions,
  type SpooledContent,
  SpoolUnavailableError,
  openObjectStore,
  openSegmentReader,
  openSegmentWriter,
  readSegment,
} from '@railpost/spool';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FaultyStore } from './faulty-store.ts';

const largeBytes = 3 * 1024 * 1024;
let folder: string;
let store: FaultyStore;
let writer: SegmentWriter;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'railpost-segment-'));
  store = new FaultyStore(await openObjectStore(`dir:${folder}`));
  writer = openSegmentWriter(store, { deadlineMs: 250, refusalMs: 50 });
});

afterEach(async () => {
  await writer.close();
  await rm(folder, { recursive: true, force: true });
});

async function reopen(options: SegmentWriterOptions): Promise<void> {
  await writer.close();
  writer = openSegmentWriter(store, options);
}

describe('segment writer', () => {
  it('stores a message and gives back where it is', async () => {
    const content = Buffer.from('Subject: hi\r\n\r\n8-bit \xe4, NUL \0\r\n', 'latin1');

    const body = await put(content);

    expect(body).toMatchObject({
      offset: 0,
      bytes: content.length,
      sha256: sha256(content),
      headerBytes: 10,
    });
    expect((await octetsOf(await openSegmentReader(store).read(body))).equals(content)).toBe(true);
    const { records } = await readSegment(store, body.key);
    expect(records).toEqual([{ envelope: envelopeOf('a'), body }]);
  });

  it('stores a message of no octets', async () => {
    const body = await put(Buffer.alloc(0));

    expect(body.bytes).toBe(0);
    expect(await octetsOf(await openSegmentReader(store).read(body))).toHaveLength(0);
  });

  it('does not wait when idle, and collects what comes while two PUTs are in flight', async () => {
    const gate = Promise.withResolvers<void>();
    store.gate = gate.promise;
    const commits = [put(randomBytes(50))];
    await turn();
    commits.push(put(randomBytes(50)));
    await turn();
    for (let count = 0; count < 100; count += 1) commits.push(put(randomBytes(50), `late ${count}`));
    await turn();
    expect(store.creates).toHaveLength(2);

    gate.resolve();
    const bodies = await Promise.all(commits);

    expect(store.creates).toHaveLength(3);
    const { records } = await readSegment(store, bodies[2]?.key ?? '');
    expect(records).toHaveLength(100);
    expect(records.map((record) => record.body)).toEqual(bodies.slice(2));
  });

  it('waits for messages that are coming in, so that they share a segment', async () => {
    await reopen({ gatherMs: 60_000 });
    const other = writer.begin();
    const first = put(randomBytes(50));
    await turn();
    expect(store.creates).toHaveLength(0);

    const bodies = await Promise.all([first, other.commit(envelopeOf('other'), 0)]);

    expect(store.creates).toHaveLength(1);
    expect(bodies[0].key).toBe(bodies[1].key);
  });

  it.each([
    ['is dropped', (other: RecordWriter) => other.abort()],
    [
      'grows large',
      (other: RecordWriter) => {
        void other.write(randomBytes(largeBytes));
      },
    ],
  ])('waits no longer for a message that %s', async (_what, end) => {
    await reopen({ gatherMs: 60_000 });
    const other = writer.begin();
    const first = put(randomBytes(50));
    await turn();

    end(other);

    expect((await first).bytes).toBe(50);
    other.abort();
  });

  it('waits for some milliseconds only, and not at all for a slow client', async () => {
    await reopen({ gatherMs: 20 });
    const slow = writer.begin();
    const startedAtMs = performance.now();
    await put(randomBytes(50));
    expect(performance.now() - startedAtMs).toBeGreaterThan(19);
    await vi.waitFor(() => expect(performance.now() - startedAtMs).toBeGreaterThan(41));
    const wait = vi.spyOn(globalThis, 'setTimeout');

    await put(randomBytes(50));

    expect(wait.mock.calls.some(([, ms]) => ms !== undefined && ms <= 20)).toBe(false);
    wait.mockRestore();
    slow.abort();
  });

  it('refuses what has waited too long behind PUTs without an answer, for nothing of it was sent', async () => {
    await writer.close();
    writer = openSegmentWriter(store, { waitingMs: 100 });
    const gate = Promise.withResolvers<void>();
    store.gate = gate.promise;
    const first = put(randomBytes(50));
    await turn();
    const second = put(randomBytes(50));
    await turn();

    await expect(put(randomBytes(50))).rejects.toMatchObject({ effect: 'none' });

    gate.resolve();
    expect((await Promise.all([first, second])).map(({ bytes }) => bytes)).toEqual([50, 50]);
    expect(store.creates).toHaveLength(2);
    await expect(put(randomBytes(10))).resolves.toMatchObject({ bytes: 10 });
  });

  it('bounds a segment by messages and by octets', async () => {
    const bounded = openSegmentWriter(store, { recordsPerSegment: 3, bytesPerSegment: 100 });

    const bodies = await Promise.all(
      [10, 10, 10, 10, 90, 20, 500].map((bytes) => put(randomBytes(bytes), 'a', bounded)),
    );

    const sizes = Map.groupBy(bodies, (body) => body.key);
    expect([...sizes.values()].map((group) => group.map((body) => body.bytes))).toEqual([
      [10, 10, 10],
      [10, 90],
      [20],
      [500],
    ]);
  });

  it('streams a large message into a segment of its own', async () => {
    const content = randomBytes(largeBytes);

    const body = await put(content);

    expect(body).toMatchObject({ offset: 0, bytes: largeBytes, sha256: sha256(content) });
    const { records } = await readSegment(store, body.key);
    expect(records).toEqual([{ envelope: envelopeOf('a'), body }]);
    expect((await octetsOf(await openSegmentReader(store).read(body))).equals(content)).toBe(true);
  });

  it.each([
    ['small', 100],
    ['large', largeBytes],
  ])('leaves nothing of a %s message that is aborted', async (_, bytes) => {
    const record = writer.begin();
    await record.write(randomBytes(bytes));

    record.abort();
    await writer.close();

    expect(await keysOf('segment/')).toEqual([]);
  });

  it('makes writers wait when the octets in transit reach the bound, and then goes on', async () => {
    const bounded = openSegmentWriter(store, { bufferBytes: 1000 });
    const gate = Promise.withResolvers<void>();
    store.gate = gate.promise;
    const first = put(randomBytes(900), 'a', bounded);
    const favoured = put(randomBytes(900), 'b', bounded);
    await turn();
    const record = bounded.begin();
    let hasGoneOn = false;
    const waiting = record.write(randomBytes(900))?.then(() => (hasGoneOn = true));
    await turn();
    expect(hasGoneOn).toBe(false);

    gate.resolve();

    await Promise.all([waiting, first, favoured]);
    expect((await record.commit(envelopeOf('c'), 0)).bytes).toBe(900);
  });
});

it('messages that nobody finishes keep no others waiting, and are whole in the end', async () => {
  const bounded = openSegmentWriter(store, { bufferBytes: 100_000 });
  const contents = Array.from({ length: 30 }, () => randomBytes(20_000));
  const slow = contents.map((content) => {
    const record = bounded.begin();
    return { content, record, written: record.write(content.subarray(0, 15_000)) };
  });

  const quick = await put(randomBytes(50_000), 'quick', bounded);

  expect(quick.bytes).toBe(50_000);
  const reader = openSegmentReader(store);
  for (const [index, { content, record, written }] of slow.entries()) {
    await written;
    await record.write(content.subarray(15_000));
    const body = await record.commit(envelopeOf(`slow${index}`), 0);
    expect((await octetsOf(await reader.read(body))).equals(content)).toBe(true);
  }
});

describe.each([
  ['small', 100],
  ['large', largeBytes],
])('a PUT that goes wrong, with a %s message', (_, bytes) => {
  it('is repeated with the same name and octets when its answer got lost, and is ours', async () => {
    const content = randomBytes(bytes);
    store.faults = ['answer-lost'];

    const body = await put(content);

    expect((await octetsOf(await openSegmentReader(store).read(body))).equals(content)).toBe(true);
    expect(await keysOf('segment/')).toEqual([body.key]);
  });

  it('is rejected for good, by a void object, when it never arrives', async () => {
    store.faults = Array.from({ length: 20 }, () => 'request-lost' as const);
    setTimeout(() => (store.faults = []), 400);

    const refusal = await put(randomBytes(bytes)).catch((error: unknown) => error);

    expect(refusal).toBeInstanceOf(SpoolUnavailableError);
    expect(refusal).toMatchObject({ effect: 'none', code: 'SPOOL_UNAVAILABLE', temporary: true });
    const [key = ''] = await keysOf('segment/');
    expect(await store.size(key)).toBe(0);
    expect(await readSegment(store, key)).toEqual({ records: [] });
  });

  it('cannot land any more once it was rejected', async () => {
    store.faults = ['delayed', ...Array.from({ length: 20 }, () => 'request-lost' as const)];
    setTimeout(() => (store.faults = []), 400);
    await expect(put(randomBytes(bytes))).rejects.toThrow(SpoolUnavailableError);

    // A stream's temporary file is gone by then; a delayed plain create meets the void.
    const landed = await store.land().catch(() => ['failed']);

    expect(landed).not.toContain('created');
    const [key = ''] = await keysOf('segment/');
    expect(await store.size(key)).toBe(0);
  });

  it('is committed when it turns out to have landed although the deadline passed', async () => {
    const content = randomBytes(bytes);
    store.faults = ['answer-lost', ...Array.from({ length: 20 }, () => 'request-lost' as const)];
    setTimeout(() => (store.faults = []), 400);

    const body = await put(content);

    expect((await octetsOf(await openSegmentReader(store).read(body))).equals(content)).toBe(true);
  });

  it('is rejected soon and without a void object when it is only ever refused', async () => {
    store.faults = Array.from({ length: 20 }, () => 'refused' as const);

    await expect(put(randomBytes(bytes))).rejects.toMatchObject({ effect: 'none' });

    expect(await keysOf('segment/')).toEqual([]);
    expect(store.creates.filter((each) => each.endsWith('void'))).toEqual([]);
  });

  it('promises nothing and refuses nothing when the store stays out of reach, and settles it later', async () => {
    const patient = openSegmentWriter(store, { deadlineMs: 100, undecidedMs: 200 });
    store.faults = Array.from({ length: 100 }, () => 'request-lost' as const);

    await expect(put(randomBytes(bytes), 'a', patient)).rejects.toMatchObject({ effect: 'unknown' });
    expect(await keysOf('segment/')).toEqual([]);
    store.faults = [];

    // The void object, once the store is back.
    await vi.waitFor(async () => expect(await keysOf('segment/')).toHaveLength(1), { timeout: 5000 });
    await patient.close();
  });

  it('promises nothing and refuses nothing when the process stops before its fate is known', async () => {
    store.faults = Array.from({ length: 100 }, () => 'request-lost' as const);
    const commit = put(randomBytes(bytes)).catch((error: unknown) => error);
    await turn();

    await writer.close();

    expect(await commit).toMatchObject({ effect: 'unknown' });
  });
});

describe('segment reader', () => {
  it('reads by range when alone, and the whole segment once when several reads meet', async () => {
    const contents = Array.from({ length: 20 }, () => randomBytes(1000));
    const bodies = await Promise.all(contents.map((content) => put(content)));
    const reader = openSegmentReader(store);
    store.reads.length = 0;

    await reader.read(bodies[0] as BodyRef);
    expect(store.reads).toEqual([`${bodies[0]?.key} range`]);
    const read = await Promise.all(bodies.map(async (body) => octetsOf(await reader.read(body))));

    expect(read.every((octets, index) => octets.equals(contents[index] as Buffer))).toBe(true);
    expect(store.reads.filter((each) => each.endsWith('whole'))).toHaveLength(1);
    expect(store.reads).toHaveLength(3);
  });

  it('reads the whole segment at once when told that more reads are coming', async () => {
    const bodies = await Promise.all([put(randomBytes(10)), put(randomBytes(20))]);
    const reader = openSegmentReader(store);
    store.reads.length = 0;

    await reader.read(bodies[0], 2);
    await reader.read(bodies[1]);

    expect(store.reads).toEqual([`${bodies[0].key} whole`]);
  });

  it('keeps its cache within its bound', async () => {
    const reader = openSegmentReader(store, { cacheBytes: 3000 });
    const bodies: BodyRef[] = [];
    for (let count = 0; count < 4; count += 1) bodies.push(await put(randomBytes(1000)));
    for (const body of bodies) await reader.read(body, 2);
    store.reads.length = 0;

    await reader.read(bodies[3] as BodyRef, 2);
    await reader.read(bodies[0] as BodyRef, 2);

    expect(store.reads).toEqual([`${bodies[0]?.key} whole`]);
  });

  it('gives a range of a content', async () => {
    const small = Buffer.from('0123456789');
    const large = randomBytes(largeBytes);
    const reader = openSegmentReader(store);

    expect(Buffer.from(await reader.readRange(await put(small), 2, 3)).toString()).toBe('234');
    const range = await reader.readRange(await put(large), 1_000_000, 300_000);
    expect(Buffer.from(range).equals(large.subarray(1_000_000, 1_300_000))).toBe(true);
  });

  it('refuses a small content with a flipped bit', async () => {
    const body = await put(randomBytes(1000));
    await flipBit(body, 500);

    await expect(openSegmentReader(store).read(body)).rejects.toThrow(ContentCorruptError);
    await expect(openSegmentReader(store).read(body, 5)).rejects.toThrow(ContentCorruptError);
  });

  it.each([0, largeBytes - 1])(
    'refuses a large content with a flipped bit at %i before its last octets',
    async (position) => {
      const body = await put(randomBytes(largeBytes));
      await flipBit(body, position);
      const content = await openSegmentReader(store).read(body);
      let received = 0;

      const reading = (async () => {
        for await (const chunk of content.chunks()) received += chunk.length;
      })();

      await expect(reading).rejects.toThrow(ContentCorruptError);
      expect(received).toBeLessThan(largeBytes);
    },
  );

  it.each([
    ['small', 100],
    ['large', largeBytes],
  ])('follows a %s survivor of a compacted segment to its last copy', async (_, bytes) => {
    const content = randomBytes(bytes);
    const body = await put(content);
    // What a compaction does: copies under X~n (10 sorts before 9), then removes the older ones.
    const elsewhere = await store.read((await put(content, 'b')).key);
    await store.create(`${body.key}~9`, [elsewhere]);
    await store.create(`${body.key}~10`, [elsewhere]);
    await store.remove(body.key);
    await store.remove(`${body.key}~9`);

    const found = await octetsOf(await openSegmentReader(store).read(body));

    expect(found.equals(content)).toBe(true);
  });

  it('says that a body is gone when neither segment nor survivors hold it', async () => {
    const body = await put(randomBytes(100));
    await store.remove(body.key);
    await expect(openSegmentReader(store).read(body)).rejects.toThrow(BodyGoneError);

    const other = await store.read((await put(randomBytes(100))).key);
    await store.create(`${body.key}~1`, [other]);
    await expect(openSegmentReader(store).read(body)).rejects.toThrow(BodyGoneError);
  });
});

async function put(content: Buffer, name = 'a', to: SegmentWriter = writer): Promise<BodyRef> {
  const record = to.begin();
  for (let start = 0; start < content.length; start += 65_536) {
    const wait = record.write(content.subarray(start, start + 65_536));
    if (wait !== undefined) await wait;
  }
  return record.commit(envelopeOf(name), Math.min(10, content.length));
}

function envelopeOf(name: string): Envelope {
  return {
    version: 1,
    queueId: 'q',
    reversePath: `${name}@example.test`,
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
  };
}

async function octetsOf(content: SpooledContent): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function keysOf(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function flipBit(body: BodyRef, position: number): Promise<void> {
  const file = await open(join(folder, 'objects', body.key), 'r+');
  const octet = Buffer.alloc(1);
  await file.read(octet, 0, 1, body.offset + position);
  octet[0] = (octet[0] ?? 0) ^ 4;
  await file.write(octet, 0, 1, body.offset + position);
  await file.close();
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** Long enough for what is ready to have been begun: a few turns of the event loop. */
async function turn(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await new Promise((resolve) => setImmediate(resolve));
}
