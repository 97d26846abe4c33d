/**
 * The records of CORRUPT and what can be made out of each: the message or the job that it was, or the queue ids that its octets still name.
 * An unknown message is called by the id of its record, the last token of its subject.
 */
import { type Bus, deleteStored } from '@railpost/bus';
import {
  CorruptRecord,
  DeferRecord,
  DeliveryJob,
  decodeIncomingRecord,
  parseRecord,
  salvageQueueIds,
  unbundle,
} from '@railpost/contracts';
import type { BodyRef, Envelope } from '@railpost/mail';

/** A record of CORRUPT. */
export interface CorruptEntry {
  readonly sequence: number;
  /** Last token of its subject: 32 hex digits. */
  readonly recordId: string;
  /** Undefined when not even the record of CORRUPT can be read. */
  readonly record: CorruptRecord | undefined;
  /** Messages that it is about; usually one. */
  readonly queueIds: readonly string[];
  readonly found: CorruptContent;
}

/** What the payload was. */
export interface CorruptContent {
  readonly queueId?: string;
  readonly envelope?: Envelope;
  readonly body?: BodyRef;
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly receivedAt?: string;
}

/** Form of a record's id. */
export const recordIdPattern: RegExp = /^[0-9a-f]{32}$/;

const batchSize = 100;

/** Reads CORRUPT from its beginning, at most `limit` records. */
export async function readCorrupt(bus: Bus, limit = Number.POSITIVE_INFINITY): Promise<CorruptEntry[]> {
  const stream = bus.names.corruptStream;
  const { state } = await bus.manager.streams.info(stream);
  const entries: CorruptEntry[] = [];
  let sequence = state.first_seq;
  while (state.messages > 0 && sequence <= state.last_seq && entries.length < limit) {
    let last = state.last_seq;
    for await (const { seq, subject, data } of await bus.manager.direct.getBatch(stream, {
      seq: sequence,
      batch: batchSize,
    })) {
      entries.push(describeRecord(seq, subject, data));
      last = seq;
    }
    sequence = last + 1;
  }
  return entries.slice(0, limit);
}

/** The records about a message, or the record of that id. */
export async function findCorrupt(bus: Bus, id: string): Promise<CorruptEntry[]> {
  const entries = await readCorrupt(bus);
  return entries.filter(({ recordId, queueIds }) => recordId === id || queueIds.includes(id));
}

/** Removes records; those that are gone are fine. @throws BusUnavailableError */
export async function removeCorrupt(bus: Bus, entries: readonly CorruptEntry[]): Promise<void> {
  for (const { sequence } of entries) await deleteStored(bus, bus.names.corruptStream, sequence);
}

function describeRecord(sequence: number, subject: string, data: Uint8Array): CorruptEntry {
  const recordId = subject.split('.').at(-1) ?? '';
  const record = CorruptRecord.safeParse(tryParse(data)).data;
  const payload = Buffer.from(record?.payload ?? '', 'base64');
  const found = contentOf(record?.busSubject ?? '', payload);
  const named = found.queueId === undefined ? salvageQueueIds(payload) : [found.queueId];
  const known = record?.queueId === undefined ? [] : [record.queueId];
  return { sequence, recordId, record, queueIds: [...new Set([...known, ...named])], found };
}

function contentOf(busSubject: string, payload: Uint8Array): CorruptContent {
  const [only] = unbundle(busSubject, payload);
  return messageOf(only?.payload ?? payload) ?? jobOf(payload) ?? { reversePath: '', recipients: [] };
}

function messageOf(payload: Uint8Array): CorruptContent | undefined {
  try {
    const { envelope, body } = decodeIncomingRecord(payload).record;
    const recipients = envelope.recipients.map(({ address }) => address);
    const { queueId, reversePath, receivedAt } = envelope;
    return { queueId, envelope, body, recipients, reversePath, receivedAt };
  } catch {
    // It was a job, or nothing that can be read.
    return undefined;
  }
}

function jobOf(payload: Uint8Array): CorruptContent | undefined {
  const parsed = tryParse(payload);
  const deferred = DeferRecord.safeParse(parsed).data;
  const job = deferred?.job ?? DeliveryJob.safeParse(parsed).data;
  if (job === undefined) return undefined;
  const open = job.recipients.filter((_, index) => deferred?.done.includes(index) !== true);
  const { queueId, content: body, reversePath, receivedAt } = job;
  return { queueId, body, reversePath, receivedAt, recipients: open.map(({ final }) => final) };
}

/** Undefined when it is not JSON; the schemas then refuse it. */
function tryParse(octets: Uint8Array): unknown {
  try {
    return parseRecord(octets);
  } catch {
    return undefined;
  }
}
