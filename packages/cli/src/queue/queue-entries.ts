/**
 * Gathers what is queued: jobs (active, deferred, hold) from the shards' owners, incoming and corrupt records from their
 * streams. One message may have several jobs, and stand in incoming and active at once for a moment.
 */
import type { Bus } from '@railpost/bus';
import { type QueueRow, cleanupConsumer, decodeIncomingRecord, unbundle } from '@railpost/contracts';
import { listShards } from '@railpost/bus';
import { askShard } from '../platform/open-platform.ts';
import { readCorrupt } from './corrupt-records.ts';

/** Queues by name, in the order of a message's life. */
export const queueNames = ['incoming', 'active', 'deferred', 'hold', 'corrupt'] as const;
export type AnyQueue = (typeof queueNames)[number];

/** One row of `queue list`: a job, or a record that is not a job (yet, or any more). */
export interface QueueEntry {
  readonly queue: AnyQueue;
  readonly queueId: string;
  readonly jobId?: string;
  readonly destination?: string;
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly receivedAt: string;
  readonly tries: number;
  readonly nextAttemptAt?: string;
  readonly reason?: string;
  readonly isInFlight: boolean;
}

const pageRows = 100;

/** Entries of the queues named, at most `limit`, in order of arrival. @throws Complaint when a shard has no owner */
export async function listEntries(
  bus: Bus,
  queues: readonly AnyQueue[],
  limit: number,
): Promise<readonly QueueEntry[]> {
  const entries: QueueEntry[] = [];
  if (queues.includes('incoming')) entries.push(...(await listIncoming(bus, limit)));
  for (const queue of ['active', 'deferred', 'hold'] as const) {
    if (!queues.includes(queue)) continue;
    for (const shard of await listShards(bus)) entries.push(...(await listJobs(bus, shard, queue, limit)));
  }
  if (queues.includes('corrupt')) entries.push(...(await listCorrupt(bus, limit)));
  return entries.sort(byArrival).slice(0, limit);
}

/** The INCOMING record of a message, if cleanup has not finished it. */
export async function findIncoming(
  bus: Bus,
  queueId: string,
): Promise<ReturnType<typeof decodeIncomingRecord> | undefined> {
  const subject = bus.names.incomingSubject(queueId);
  const found = await bus.manager.streams
    .getMessage(bus.names.incomingStream, { last_by_subj: subject })
    .catch(() => null);
  // Not under its own subject: it may stand in a bundle behind another one.
  const payloads = found === null ? await readUncleaned(bus, Number.POSITIVE_INFINITY) : payloadsOf(found);
  for (const payload of payloads) {
    const decoded = decodeOrSkip(payload);
    if (decoded?.record.envelope.queueId === queueId) return decoded;
  }
  return undefined;
}

async function listJobs(
  bus: Bus,
  shard: number,
  queue: 'active' | 'deferred' | 'hold',
  limit: number,
): Promise<QueueEntry[]> {
  const entries: QueueEntry[] = [];
  let after: string | undefined;
  do {
    const reply = await askShard(bus, shard, {
      operation: 'list',
      queue,
      limit: pageRows,
      ...(after === undefined ? {} : { after }),
    });
    entries.push(...(reply.rows ?? []).map(entryOf));
    after = reply.next;
  } while (after !== undefined && entries.length < limit);
  return entries;
}

function entryOf(row: QueueRow): QueueEntry {
  const { nextAttemptAt, reason, ...rest } = row;
  return {
    ...rest,
    ...(nextAttemptAt === undefined ? {} : { nextAttemptAt }),
    ...(reason === undefined ? {} : { reason }),
  };
}

async function listIncoming(bus: Bus, limit: number): Promise<QueueEntry[]> {
  const entries: QueueEntry[] = [];
  for (const payload of await readUncleaned(bus, limit)) {
    const decoded = decodeOrSkip(payload);
    if (decoded === undefined) continue;
    const { envelope, body } = decoded.record;
    entries.push({
      queue: 'incoming',
      queueId: envelope.queueId,
      reversePath: envelope.reversePath,
      recipients: envelope.recipients.map(({ address }) => address),
      sizeBytes: body.bytes,
      receivedAt: envelope.receivedAt,
      tries: 0,
      isInFlight: false,
    });
  }
  return entries;
}

/** Records of INCOMING that cleanup has not finished: below the ack floor they only wait for the next purge. */
async function readUncleaned(bus: Bus, limit: number): Promise<Uint8Array[]> {
  const stream = bus.names.incomingStream;
  const consumer = await bus.manager.consumers.info(stream, cleanupConsumer);
  return readStream(bus, stream, consumer.ack_floor.stream_seq + 1, limit);
}

function decodeOrSkip(payload: Uint8Array): ReturnType<typeof decodeIncomingRecord> | undefined {
  try {
    return decodeIncomingRecord(payload);
  } catch {
    // Not a record: cleanup moves it to CORRUPT, where it is listed.
    return undefined;
  }
}

function payloadsOf(message: { readonly subject: string; readonly data: Uint8Array }): Uint8Array[] {
  return unbundle(message.subject, message.data).map(({ payload }) => payload);
}

/** One row for each message that a record is about; a record that names none stands under its own id. */
async function listCorrupt(bus: Bus, limit: number): Promise<QueueEntry[]> {
  const entries = await readCorrupt(bus, limit);
  return entries.flatMap(({ queueIds, recordId, record, found }) =>
    (queueIds.length === 0 ? [recordId] : queueIds).map((queueId) => ({
      queue: 'corrupt' as const,
      queueId,
      reversePath: found.reversePath,
      recipients: found.recipients,
      sizeBytes: found.body?.bytes ?? Buffer.byteLength(record?.payload ?? '', 'base64'),
      receivedAt: record?.at ?? '',
      tries: 0,
      reason: record === undefined ? 'unreadable' : `${record.service}: ${record.reason}`,
      isInFlight: false,
    })),
  );
}

/** Payloads of a stream from a sequence on. */
async function readStream(bus: Bus, stream: string, from: number, limit: number): Promise<Uint8Array[]> {
  const { state } = await bus.manager.streams.info(stream);
  const payloads: Uint8Array[] = [];
  let sequence = Math.max(from, state.first_seq);
  while (state.messages > 0 && sequence <= state.last_seq && payloads.length < limit) {
    const batch = await bus.manager.direct.getBatch(stream, { seq: sequence, batch: 200 });
    let last = state.last_seq;
    for await (const message of batch) {
      payloads.push(...payloadsOf(message));
      last = message.seq;
    }
    sequence = last + 1;
  }
  return payloads.slice(0, limit);
}

function byArrival(left: QueueEntry, right: QueueEntry): number {
  if (left.receivedAt !== right.receivedAt) return left.receivedAt < right.receivedAt ? -1 : 1;
  return left.queueId < right.queueId ? -1 : 1;
}
