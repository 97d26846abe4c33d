/** What `queue requeue` puts back of CORRUPT, on a spool and streams of the test's own, without any service. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, ensureStreams, publishCorrupt } from '@railpost/bus';
import {
  type IncomingRecord,
  type JournalEntry,
  decodeIncomingRecord,
  encodeIncomingRecord,
} from '@railpost/contracts';
import { type BodyRef, type Envelope, formatQueueId } from '@railpost/mail';
import { type ObjectStore, openJournalWriter, openObjectStore, openSegmentWriter } from '@railpost/spool';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { readCorrupt } from '../src/queue/corrupt-records.ts';
import { type RequeueResult, everything, requeue } from '../src/queue/requeue.ts';

const mebibyte = 1024 ** 2;

let server: NatsServer;
let bus: Bus;
let store: ObjectStore;
let folder: string;
let made = 0;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

beforeEach(async () => {
  const prefix = `rq${randomBytes(4).toString('hex')}`;
  bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], prefix, name: 'test' });
  const maxBytes = { incoming: mebibyte, active: mebibyte, defer: mebibyte };
  await ensureStreams(bus, { shards: 1, generation: 1, maxBytes });
  folder = await mkdtemp(join(tmpdir(), 'railpost-requeue-'));
  store = await openObjectStore(`dir:${folder}`);
});
afterEach(async () => {
  await store.close();
  await bus.close();
  await rm(folder, { recursive: true });
});

interface Spooled {
  readonly queueId: string;
  readonly envelope: Envelope;
  readonly body: BodyRef;
}

/** A message in a segment of its own. */
async function spool(...recipients: string[]): Promise<Spooled> {
  const nowMs = Date.now();
  made += 1;
  const queueId = formatQueueId(nowMs, made);
  const envelope: Envelope = {
    version: 1,
    queueId,
    reversePath: 'a@example.test',
    recipients: recipients.map((address) => ({ address })),
    smtputf8: false,
    client: {
      ...{ listener: 'mx', role: 'MX', address: '192.0.2.1', port: 1, name: 'unknown', helo: 'x' },
      protocol: 'ESMTP',
    },
    receivedAt: new Date(nowMs).toISOString(),
  };
  const writer = openSegmentWriter(store);
  const record = writer.begin();
  await record.write(Buffer.from(`Subject: ${queueId}\r\n\r\n${'x'.repeat(200)}\r\n`));
  const body = await record.commit(envelope, 20);
  await writer.close();
  return { queueId, envelope, body };
}

async function setAside(payload: string | Uint8Array, queueId?: string): Promise<void> {
  await publishCorrupt(bus, {
    version: 1,
    service: 'cleanup',
    reason: 'undecodable',
    busSubject: `${bus.names.prefix}.in.x`,
    payload: Buffer.from(payload).toString('base64'),
    at: new Date().toISOString(),
    ...(queueId === undefined ? {} : { queueId }),
  });
}

async function journal(...entries: JournalEntry[]): Promise<void> {
  const writer = openJournalWriter(store, { generation: 1, shard: 0, epoch: 7 });
  await writer.append(entries, {});
  await writer.close();
}

function entry(queueId: string, orig: number, more: Partial<JournalEntry>): JournalEntry {
  return { queueId, orig, final: 'f@example.test', kind: 'delivered', run: 'r', n: 1, ...more };
}

function run(...ids: string[]): Promise<readonly RequeueResult[]> {
  return requeue({ bus, spool: `dir:${folder}`, run: undefined }, ids);
}

/** INCOMING records of a message. */
async function putBack(queueId: string): Promise<IncomingRecord[]> {
  const stored = await bus.manager.streams
    .getMessage(bus.names.incomingStream, { last_by_subj: bus.names.incomingSubject(queueId) })
    .catch(() => null);
  return stored === null ? [] : [decodeIncomingRecord(stored.data).record];
}

async function flipBit({ body }: Spooled, position: number): Promise<void> {
  const path = join(folder, 'objects', body.key);
  const octets = await readFile(path);
  const at = position < 0 ? octets.length + position : position;
  octets[at] = (octets[at] ?? 0) ^ 1;
  await writeFile(path, octets);
}

it('a message comes back whole from the spool, under a new attempt, and its record is removed', async () => {
  const { queueId, envelope, body } = await spool('a@example.test', 'b@example.test');
  await setAside('rubbish', queueId);

  const [result] = await run(queueId);

  expect(result).toEqual({
    id: queueId,
    isSaved: true,
    says: [`${queueId}: put back for 2 of 2 recipients`],
  });
  const [record] = await putBack(queueId);
  expect(record).toMatchObject({ envelope, body, headerInline: false });
  expect(record?.attempt).toBeGreaterThan(1_700_000_000);
  expect(await readCorrupt(bus)).toEqual([]);
});

it('what the journal calls finished stays finished, what is held stays held', async () => {
  const { queueId } = await spool('done@example.test', 'half@example.test', 'held@example.test');
  await journal(
    entry(queueId, 0, { final: 'done@example.test' }),
    entry(queueId, 1, { final: 'one@example.test', n: 2 }),
    entry(queueId, 2, { kind: 'held' }),
  );
  await setAside('rubbish', queueId);

  const [result] = await run(queueId);

  expect(result?.says).toEqual([`${queueId}: put back for 2 of 3 recipients, 1 are finished`]);
  expect((await putBack(queueId))[0]?.history).toEqual([
    { orig: 0, done: ['done@example.test'], isHeld: false, isComplete: true },
    { orig: 1, done: ['one@example.test'], isHeld: false },
    { orig: 2, done: [], isHeld: true },
  ]);
});

it('nothing is put back of a message whose recipients are all finished', async () => {
  const { queueId } = await spool('a@example.test');
  await journal(entry(queueId, 0, {}));
  await setAside('rubbish', queueId);

  const [result] = await run(queueId);

  expect(result).toMatchObject({ isSaved: true, says: [expect.stringContaining('nothing to put back')] });
  expect(await putBack(queueId)).toEqual([]);
  expect(await readCorrupt(bus)).toEqual([]);
});

it('a content with a flipped bit is not put back: the answer says what to restore, and the record stays', async () => {
  const message = await spool('a@example.test');
  await setAside('rubbish', message.queueId);
  await flipBit(message, 50);

  const [result] = await run(message.queueId);

  expect(result?.isSaved).toBe(false);
  expect(result?.says.join('\n')).toMatch(/checksum differs.*\n.*restore segment\/\S+ from a backup/);
  expect(await putBack(message.queueId)).toEqual([]);
  expect(await readCorrupt(bus)).toHaveLength(1);
});

it('a damaged index is no obstacle when the record itself was whole', async () => {
  const { queueId, envelope, body } = await spool('a@example.test');
  await setAside(
    encodeIncomingRecord({ version: 1, envelope, body, attempt: 0 }, new Uint8Array(0)),
    queueId,
  );
  await flipBit({ queueId, envelope, body }, -100);

  expect(await run(queueId)).toMatchObject([{ isSaved: true }]);

  expect(await putBack(queueId)).toMatchObject([{ envelope, body }]);
});

it('a damaged index that may hide the message is named', async () => {
  const message = await spool('a@example.test');
  await setAside('rubbish', message.queueId);
  await flipBit(message, -100);

  const [result] = await run(message.queueId);

  expect(result?.says).toEqual([
    `${message.queueId}: the spool has no message ${message.queueId}`,
    `${message.queueId}: the index of ${message.body.key} is damaged: it may stand there; restore it`,
  ]);
});

it('everything at once: what can be saved is, the rest says why and stays', async () => {
  const [first, second, third] = [await spool('a@x.test'), await spool('b@x.test'), await spool('c@x.test')];
  await setAside(`RPB {"queueId":"${first.queueId}" ... {"queueId":"${second.queueId}"`);
  await setAside('nothing to see here');
  await setAside('rubbish', third.queueId);
  await flipBit(third, 50);

  const results = await run(everything);

  expect(results.filter(({ isSaved }) => isSaved)).toHaveLength(2);
  expect(results.filter(({ isSaved }) => !isSaved)).toHaveLength(2);
  expect(await putBack(first.queueId)).toHaveLength(1);
  expect(await putBack(second.queueId)).toHaveLength(1);
  expect(await putBack(third.queueId)).toEqual([]);
  expect((await readCorrupt(bus)).map(({ queueIds }) => queueIds)).toEqual([[], [third.queueId]]);
});

it('an id of which the corrupt queue has nothing is a complaint', async () => {
  await expect(run(formatQueueId(1, 1))).rejects.toThrow('the corrupt queue has nothing of');
});
