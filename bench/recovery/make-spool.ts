/**
 * A spool as a busy platform leaves it: segments of one to two hundred messages (many small ones when it was idle, full ones under load),
 * one to three recipients, and a journal that calls a share of the messages done, some of them in part, some held.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { JournalEntry } from '@railpost/contracts';
import { type Envelope, formatQueueId } from '@railpost/mail';
import { type ObjectStore, openJournalWriter, openSegmentWriter } from '@railpost/spool';

/** What to make. */
export interface SpoolRequest {
  readonly messages: number;
  /** Share of messages that the journal calls done, 0 to 1. */
  readonly done: number;
  readonly contentBytes: number;
  readonly onProgress: (messages: number) => void;
}

const largestSegment = 200;
const segmentsAtOnce = 16;
const entriesPerObject = 5000;
/** The spool covers the day before now. */
const spanMs = 24 * 3600_000;

/** Makes it; returns how many messages are not done. */
export async function makeSpool(store: ObjectStore, request: SpoolRequest): Promise<number> {
  const startMs = Date.now() - spanMs;
  const body = headed(randomBytes(Math.ceil(request.contentBytes / 2)).toString('hex'));
  let entries: JournalEntry[] = [];
  const journal = openJournalWriter(store, { generation: 1, shard: 0, epoch: 2 ** 40 }, { spacingMs: 0 });
  let made = 0;
  let open = 0;
  while (made < request.messages) {
    const segments: Promise<void>[] = [];
    for (let each = 0; each < segmentsAtOnce && made < request.messages; each += 1) {
      // Small segments are many, full ones hold most of the mail.
      const size = Math.min(request.messages - made, 1 + Math.floor(largestSegment * Math.random() ** 2));
      const timeMs = startMs + Math.floor((spanMs * made) / request.messages);
      const envelopes = Array.from({ length: size }, (_, index) => envelopeOf(timeMs, made + index));
      for (const envelope of envelopes) {
        const isDone = unitOf(envelope.queueId) < request.done;
        if (!isDone) open += 1;
        entries.push(...entriesOf(envelope, isDone));
      }
      segments.push(writeSegment(store, timeMs, envelopes, body));
      made += size;
    }
    await Promise.all(segments);
    request.onProgress(made);
    if (entries.length < entriesPerObject && made < request.messages) continue;
    await journal.append(entries, {});
    entries = [];
  }
  await journal.close();
  return open;
}

async function writeSegment(
  store: ObjectStore,
  timeMs: number,
  envelopes: readonly Envelope[],
  content: Buffer,
): Promise<void> {
  const writer = openSegmentWriter(store, { now: () => timeMs });
  await Promise.all(
    envelopes.map(async (envelope) => {
      const record = writer.begin();
      await record.write(content);
      await record.commit(envelope, content.indexOf('\r\n\r\n') + 4);
    }),
  );
  await writer.close();
}

function headed(text: string): Buffer {
  return Buffer.from(
    `From: <alice@example.test>\r\nTo: <bob@partner.test>\r\nSubject: one of many\r\nMessage-Id: <m@example.test>\r\n\r\n${text}\r\n`,
  );
}

function envelopeOf(timeMs: number, number: number): Envelope {
  const queueId = formatQueueId(timeMs, (number * 7919) % 2 ** 40);
  return {
    version: 1,
    queueId,
    reversePath: `sender-${number % 1000}@example.test`,
    recipients: Array.from({ length: 1 + (number % 10 === 0 ? 2 : 0) }, (_, index) => ({
      address: `recipient-${number}-${index}@partner-${number % 500}.test`,
    })),
    smtputf8: false,
    client: {
      listener: 'mx',
      role: 'MX',
      address: '192.0.2.17',
      port: 40_000 + (number % 20_000),
      name: 'client.example.test',
      helo: 'client.example.test',
      protocol: 'ESMTPS',
      tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    },
    receivedAt: new Date(timeMs).toISOString(),
    traceparent: `00-${createHash('md5').update(queueId).digest('hex')}-00f067aa0ba902b7-01`,
  };
}

/** One entry per recipient when it is done; else one in fifty messages is held, one in fifty partly done. */
function entriesOf({ queueId, recipients }: Envelope, isDone: boolean): JournalEntry[] {
  const entry = (orig: number, kind: JournalEntry['kind'], n = 1) => {
    const final = recipients[orig]?.address ?? '';
    return { queueId, orig, final, kind, run: '0123456789ab', n };
  };
  if (isDone) return recipients.map((_, orig) => entry(orig, 'delivered'));
  const chance = unitOf(`${queueId} more`);
  if (chance < 0.02) return [entry(0, 'held')];
  return chance < 0.04 ? [entry(0, 'delivered', 2)] : [];
}

/** A number within 0 to 1 that follows from the text. */
function unitOf(text: string): number {
  return createHash('md5').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
