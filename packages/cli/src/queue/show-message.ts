/**
 * `queue show ID`: everything about one message: envelope and header section from the spool, its jobs from the shards'
 * owners. Pure but for the reading.
 */
import type { Bus } from '@railpost/bus';
import type { DeferRecord, DeliveryJob } from '@railpost/contracts';
import { type BodyRef, type Envelope, decodeUtf8, queueIdPattern } from '@railpost/mail';
import { openObjectStore, openSegmentReader } from '@railpost/spool';
import { Complaint } from '../complaint.ts';
import { askAllShards } from '../platform/open-platform.ts';
import { type CorruptContent, type CorruptEntry, findCorrupt } from './corrupt-records.ts';
import { contentProblem, findSpooled } from './find-spooled.ts';
import { findIncoming } from './queue-entries.ts';

/** A message as the queue knows it. */
export interface ShownMessage {
  readonly queueId: string;
  readonly envelope: Envelope | undefined;
  readonly body: BodyRef | undefined;
  readonly jobs: readonly { readonly job: DeliveryJob; readonly defer?: DeferRecord }[];
  /** Undefined when the spool is not known or not reachable, or has no such content. */
  readonly header: string | undefined;
  /** What the corrupt queue has of it. */
  readonly corrupt: readonly CorruptFact[];
  /** Why the content cannot be read, if it cannot. */
  readonly contentProblem?: string;
}

/** Why and when something was set aside. */
export interface CorruptFact {
  readonly at: string;
  readonly service: string;
  readonly reason: string;
  readonly busSubject: string;
}

/** Gathers it. @throws Complaint when no queue has a message of that id */
export async function gatherMessage(
  bus: Bus,
  spool: string | undefined,
  queueId: string,
): Promise<ShownMessage> {
  const jobs = await gatherJobs(bus, queueId);
  const incoming = (await findIncoming(bus, queueId))?.record;
  const entries = await findCorrupt(bus, queueId);
  const damaged = entries.map(({ found }) => found).find((each) => each.body !== undefined);
  const known = jobs[0]?.job.content ?? onBus(incoming, damaged).body;
  if (known === undefined && entries.length === 0) throw new Complaint(`no queue has a message ${queueId}`);
  const spooled = spool === undefined ? {} : await readSpooled(spool, queueId, known);
  const facts = { jobs, corrupt: entries.flatMap(factsOf), header: undefined, ...spooled };
  return {
    queueId,
    ...facts,
    envelope: spooled.envelope ?? onBus(incoming, damaged).envelope,
    body: known ?? spooled.body,
  };
}

/** What a record on the bus says of the message. */
function onBus(
  incoming: Place | undefined,
  damaged: Place | undefined,
): { readonly envelope: Envelope | undefined; readonly body: BodyRef | undefined } {
  return { envelope: incoming?.envelope ?? damaged?.envelope, body: incoming?.body ?? damaged?.body };
}

type Place = Pick<CorruptContent, 'envelope' | 'body'>;

async function gatherJobs(bus: Bus, queueId: string): Promise<ShownMessage['jobs']> {
  if (!queueIdPattern.test(queueId)) return [];
  const replies = await askAllShards(bus, { operation: 'show', queueId });
  return replies
    .flatMap((reply) => reply.jobs ?? [])
    .map(({ job, defer }) => (defer === undefined ? { job } : { job, defer }));
}

function factsOf({ record }: CorruptEntry): CorruptFact[] {
  if (record === undefined) return [];
  const { at, service, reason, busSubject } = record;
  return [{ at, service, reason, busSubject }];
}

interface Spooled {
  readonly envelope?: Envelope;
  readonly body?: BodyRef;
  readonly header?: string;
  readonly contentProblem?: string;
}

/** Never throws for what is damaged: that is what is to be shown. @throws SpoolUnavailableError */
async function readSpooled(spool: string, queueId: string, known: BodyRef | undefined): Promise<Spooled> {
  const store = await openObjectStore(spool);
  try {
    const { message } = queueIdPattern.test(queueId)
      ? await findSpooled(store, queueId, known?.key)
      : { message: undefined };
    const body = known ?? message?.body;
    const envelope = message === undefined ? {} : { envelope: message.envelope };
    if (body === undefined) return envelope;
    const problem = await contentProblem(store, body);
    if (problem !== undefined) return { ...envelope, body, contentProblem: problem };
    const reader = openSegmentReader(store, { cacheBytes: 0 });
    const header = decodeUtf8(await reader.readRange(body, 0, body.headerBytes));
    return { ...envelope, body, header };
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
  if (message.contentProblem !== undefined) lines.push(`Damaged        ${message.contentProblem}`);
  for (const { at, service, reason, busSubject } of message.corrupt)
    lines.push(`Corrupt        since ${at}: ${service}: ${reason} (${busSubject})`);
  if (message.corrupt.length > 0)
    lines.push(`What to do     railpost queue requeue ${message.queueId}, or delete it`);
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
