/**
 * A queue with many deferred jobs, without sending as many messages: DEFER records are written to the stream as an owner would write
 * them, while the platform runs without one. They are due in a day and have no content in the spool, which nobody asks for.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectBus, openGroupPublisher } from '@railpost/bus';
import {
  type DeferRecord,
  type NextHop,
  deferHeader,
  destinationOf,
  encodeRecord,
  formatDeferSummary,
} from '@railpost/contracts';
import { formatQueueId, queueIdHalfLimit } from '@railpost/mail';
import type { Output } from '../measurement.ts';
import { startRailpost } from './railpost.ts';

/** What to write. */
export interface DeferredQueue {
  /** Folder of the platform, as {@link RailpostOptions.folder}. */
  readonly folder: string;
  readonly jobs: number;
  /** Different destinations that they are for. */
  readonly destinations: number;
}

/** Unanswered at a time. */
const window = 4000;
const dayMs = 86_400_000;

/** Writes them to shard 0. */
export async function writeDeferredQueue(queue: DeferredQueue, out: Output): Promise<void> {
  const { folder, jobs, destinations } = queue;
  const railpost = await startRailpost({
    folder,
    farEnds: new Map(),
    arguments: ['--replicas', 'queue-manager=0', '--replicas', 'spool-keeper=0'],
  });
  const run: { natsUrl: string[]; natsMonitorUrl: string[]; natsUser: string; natsPasswordFile: string } =
    JSON.parse(await readFile(join(railpost.data, 'run.json'), 'utf8'));
  const bus = await connectBus({
    name: 'bench',
    servers: run.natsUrl,
    monitorUrls: run.natsMonitorUrl,
    user: run.natsUser,
    passwordFile: run.natsPasswordFile,
  });
  try {
    const publisher = openGroupPublisher(bus, bus.names.deferStream(0));
    for (let first = 0; first < jobs; first += window) {
      const numbers = Array.from({ length: Math.min(window, jobs - first) }, (_, index) => first + index);
      await Promise.all(
        numbers.map((number) => {
          const record = recordOf(number % destinations);
          const subject = bus.names.deferSubject(0, record.job.destination, record.job.jobId);
          return publisher.publish(subject, encodeRecord(record), { headers: headersOf(record) });
        }),
      );
      if (first % 100_000 === 0) out.progress(`${first} of ${jobs} deferred jobs are written`);
    }
  } finally {
    await bus.close();
    await railpost.stop();
  }
}

function headersOf(record: DeferRecord): Record<string, string> {
  const { state, nextMs, tries, job } = record;
  const receivedAtMs = Date.parse(job.receivedAt);
  const summary = { state, nextMs, tries, queueId: job.queueId, receivedAtMs, transport: 'smtp' };
  return { [deferHeader]: formatDeferSummary(summary) };
}

/** As of a message that was refused an hour ago. */
function recordOf(destination: number): DeferRecord {
  const receivedAtMs = Date.now() - 3_600_000;
  const queueId = formatQueueId(receivedAtMs, randomBytes(6).readUIntBE(0, 6) % queueIdHalfLimit);
  const domain = `d${destination}.deferred.test`;
  const nextHop: NextHop = { transport: 'smtp', mx: domain };
  const recipient = { orig: 0, final: `somebody@${domain}`, run: randomBytes(6).toString('hex'), n: 1 };
  return {
    version: 1,
    state: 'deferred',
    tries: 3,
    nextMs: Date.now() + dayMs,
    ...{ done: [], bouncing: [], decidedAtMs: receivedAtMs, suspendedMs: 0 },
    ...{ lastFaultIsOurs: false, hasDelayWarning: false },
    outcomes: [
      {
        ...recipient,
        disposition: 'deferred',
        status: { code: '4.4.1', text: `connect to mx.${domain}[192.0.2.1]:25: Connection timed out` },
        relay: 'none',
      },
    ],
    job: {
      version: 1,
      jobId: randomBytes(16).toString('hex'),
      queueId,
      attempt: 0,
      nextHop,
      destination: destinationOf(nextHop),
      reversePath: 'bench@example.org',
      recipients: [{ ...recipient, original: recipient.final }],
      smtputf8: false,
      content: {
        key: `segment/${queueId}`,
        ...{ offset: 0, bytes: 5120, headerBytes: 300, sha256: randomBytes(32).toString('hex') },
      },
      edits: [],
      client: {
        ...{ listener: 'mx', role: 'MX', address: '127.0.0.1', port: 40_000, name: 'localhost' },
        ...{ helo: 'client.example.org', protocol: 'ESMTP' },
      },
      messageId: `<${queueId}@example.org>`,
      receivedAt: new Date(receivedAtMs).toISOString(),
      incomingSequence: 0,
    },
  };
}
