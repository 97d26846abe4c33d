/**
 * `queue show ID`: everything about one message: envelope and header section from the spool, its jobs from the shards'
 * owners. Pure but for the reading.
 */
import type { Bus } from '@railpost/bus';
import type { DeferRecord, DeliveryJob } from '@railpost/contracts';
import { type BodyRef, type Envelope, decodeUtf8 } from '@railpost/mail';
import { openObjectStore, openSegmentReader, readSegment } from '@railpost/spool';
import { Complaint } from '../complaint.ts';
import { askAllShards } from '../platform/open-platform.ts';
import { findIncoming } from './queue-entries.ts';

/** A message as the queue knows it. */
export interface ShownMessage {
  readonly queueId: string;
  readonly envelope: Envelope | undefined;
  readonly body: BodyRef | undefined;
  readonly jobs: readonly { readonly job: DeliveryJob; readonly defer?: DeferRecord }[];
  /** Undefined when the spool is not known or not reachable. */
  readonly header: string | undefined;
}

/** Gathers it. @throws Complaint when no queue has a message of that id */
export async function gatherMessage(
  bus: Bus,
  spool: string | undefined,
  queueId: string,
): Promise<ShownMessage> {
  const replies = await askAllShards(bus, { operation: 'show', queueId });
  const jobs = replies
    .flatMap((reply) => reply.jobs ?? [])
    .map(({ job, defer }) => (defer === undefined ? { job } : { job, defer }));
  const incoming = (await findIncoming(bus, queueId))?.record;
  const body = jobs[0]?.job.content ?? incoming?.body;
  if (body === undefined) throw new Complaint(`no queue has a message ${queueId}`);
  const spooled = spool === undefined ? undefined : await readSpooled(spool, queueId, body);
  return {
    queueId,
    envelope: incoming?.envelope ?? spooled?.envelope,
    body,
    jobs,
    header: spooled?.header,
  };
}

async function readSpooled(
  spool: string,
  queueId: string,
  body: BodyRef,
): Promise<{ readonly envelope: Envelope | undefined; readonly header: string } | undefined> {
  const store = await openObjectStore(spool);
  try {
    const { records } = await readSegment(store, body.key);
    const reader = openSegmentReader(store, { cacheBytes: 0 });
    const header = await reader.readRange(body, 0, body.headerBytes);
    const record = records.find((each) => each.envelope.queueId === queueId);
    return { envelope: record?.envelope, header: decodeUtf8(header) };
  } finally {
    await store.close();
  }
}

/** The text of `queue show`. */
export function formatMessage(message: ShownMessage): string {
  const { envelope, body } = message;
  const lines = [`Queue id       ${message.queueId}`];
  if (envelope !== undefined) {
    const { client } = envelope;
    lines.push(
      `Received       ${envelope.receivedAt}`,
      `Reverse-path   <${envelope.reversePath}>`,
      `Client         ${client.name}[${client.address}] helo ${client.helo} (${client.protocol}, listener ${client.listener}${client.login === undefined ? '' : `, login ${client.login}`})`,
      ...envelope.recipients.map(
        ({ address }, index) => `${index === 0 ? 'Recipients   ' : '             '}  <${address}>`,
      ),
    );
  }
  if (body !== undefined)
    lines.push(
      `Content        ${body.bytes} octets at ${body.offset} of ${body.key}`,
      `SHA-256        ${body.sha256}`,
    );
  for (const { job, defer } of message.jobs) lines.push('', ...formatJob(job, defer));
  if (message.header !== undefined) lines.push('', 'Header section', ...indented(message.header));
  return `${lines.join('\n')}\n`;
}

function formatJob(job: DeliveryJob, defer: DeferRecord | undefined): readonly string[] {
  const done = new Set(defer?.done ?? []);
  const outcomes = new Map((defer?.outcomes ?? []).map((each) => [`${each.orig} ${each.final}`, each]));
  const next = defer?.state === 'deferred' ? `, next ${new Date(defer.nextMs).toISOString()}` : '';
  return [
    `Job ${job.jobId}`,
    `  to ${job.destination}: ${defer?.state ?? 'active'}, ${defer?.tries ?? 0} tries${next}`,
    ...job.recipients.flatMap((recipient, index) => {
      const from = recipient.original === recipient.final ? '' : ` (for <${recipient.original}>)`;
      const outcome = outcomes.get(`${recipient.orig} ${recipient.final}`);
      const state = done.has(index) ? ' done' : '';
      const status = outcome === undefined ? [] : [`      ${outcome.status.code} ${outcome.status.text}`];
      return [`    <${recipient.final}>${from}${state}`, ...status];
    }),
  ];
}

function indented(text: string): readonly string[] {
  return text
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map((line) => `  ${line}`.trimEnd());
}
