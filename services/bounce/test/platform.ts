/** A platform around bounce: streams, a configuration, a spool, a scripted owner, all under a prefix of its own. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import {
  type DeliveryJob,
  type DispatchedJob,
  type IncomingRecord,
  type JobRecipient,
  type SuccessAction,
  decodeIncomingRecord,
} from '@railpost/contracts';
import type { BodyRef, DeliveryStatus, Disposition } from '@railpost/mail';
import { createCompilerCrypto, publishConfiguration } from '@railpost/runtime';
import {
  type ObjectStore,
  type SegmentWriter,
  openObjectStore,
  openSegmentReader,
  openSegmentWriter,
} from '@railpost/spool';
import {
  type NatsServer,
  type ScriptedOwner,
  type ServiceProcess,
  startScriptedOwner,
  startServiceProcess,
} from '@railpost/testkit';

/** A message that bounce handed to cleanup. */
export interface IncomingMessage {
  readonly record: IncomingRecord;
  readonly headerSection: string;
  readonly busSubject: string;
  /** The whole message, read from the spool. */
  readonly content: Buffer;
}

/** What a test works with. */
export interface Platform {
  readonly owner: ScriptedOwner;
  readonly bus: Bus;
  readonly store: ObjectStore;
  /** Stores a message in the spool. */
  spool(content: Buffer): Promise<BodyRef>;
  /** Starts bounce with further settings. */
  start(...settings: readonly string[]): Promise<ServiceProcess>;
  /** Makes streams and configuration once more, in another generation. */
  renew(generation: number): Promise<void>;
  /** Everything in INCOMING. */
  incoming(): Promise<IncomingMessage[]>;
  /** Empties INCOMING. */
  forgetIncoming(): Promise<void>;
  /** Object keys of all segments, those of `spool` too. */
  segments(): Promise<string[]>;
  close(): Promise<void>;
}

/** Prepares everything but the service. */
export async function preparePlatform(server: NatsServer): Promise<Platform> {
  const prefix = `bo${randomBytes(4).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'railpost-bounce-'));
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix,
    name: 'test',
  });
  async function renew(generation: number): Promise<void> {
    const maxBytes = { incoming: 2 ** 26, active: 2 ** 26, defer: 2 ** 26 };
    await ensureStreams(bus, { shards: 1, generation, maxBytes });
    await configure(bus);
  }
  await renew(1);
  const location = `dir:${folder}/spool`;
  const store = await openObjectStore(location);
  const writer = openSegmentWriter(store);
  const owner = await startScriptedOwner(server.url, prefix);
  const processes: ServiceProcess[] = [];
  return {
    owner,
    bus,
    store,
    spool: (content) => spool(writer, content),
    incoming: () => readIncoming(bus, store),
    async forgetIncoming() {
      await bus.manager.streams.purge(bus.names.incomingStream);
    },
    renew,
    async start(...settings) {
      const service = await startServiceProcess({
        service: 'bounce',
        settings: [
          ...['--nats-url', server.url, '--nats-monitor-url', server.monitorUrl, '--bus-prefix', prefix],
          ...['--spool', location, '--data', join(folder, 'data')],
          ...['--http-port', '0', '--bind-address', '127.0.0.1', '--heartbeat', '500ms'],
          ...['--name', `p${processes.length}`],
          ...settings,
        ],
      });
      processes.push(service);
      return service;
    },
    async segments() {
      const keys: string[] = [];
      for await (const { key } of store.list('segment/')) keys.push(key);
      return keys;
    },
    async close() {
      await Promise.all(processes.map((service) => service.kill()));
      await owner.close();
      await writer.close();
      await bus.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function configure(bus: Bus): Promise<void> {
  const value = {
    apiVersion: 'railpost.io/v1alpha1',
    kind: 'MailPlatform',
    metadata: { name: 'main' },
    spec: { hostname: 'mail.example.test', listeners: [{ name: 'mx', port: 2525, role: 'MX' }] },
  };
  const parsed = parseManifests([{ path: 'test.yaml', position: 0, value }]);
  const compiled = compile({ objects: parsed.objects, crypto: createCompilerCrypto(Buffer.alloc(32)) });
  await publishConfiguration(bus, compiled.units);
}

async function spool(writer: SegmentWriter, content: Buffer): Promise<BodyRef> {
  const record = writer.begin();
  await record.write(content);
  return record.commit(
    {
      version: 1,
      queueId: 'q',
      reversePath: 'alice@example.test',
      recipients: [{ address: 'bob@partner.test' }],
      smtputf8: false,
      client: clientFacts,
      receivedAt: '2026-11-21T16:00:00.000Z',
    },
    content.indexOf('\r\n\r\n') + 4,
  );
}

async function readIncoming(bus: Bus, store: ObjectStore): Promise<IncomingMessage[]> {
  const reader = openSegmentReader(store);
  const { state } = await bus.manager.streams.info(bus.names.incomingStream);
  const messages: IncomingMessage[] = [];
  for (let sequence = state.first_seq; sequence <= state.last_seq; sequence += 1) {
    const stored = await bus.manager.streams.getMessage(bus.names.incomingStream, { seq: sequence });
    if (stored === null) continue;
    const { record, headerSection } = decodeIncomingRecord(stored.data);
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await reader.read(record.body)).chunks()) chunks.push(chunk);
    messages.push({
      record,
      headerSection: Buffer.from(headerSection ?? []).toString(),
      busSubject: stored.subject,
      content: Buffer.concat(chunks),
    });
  }
  return messages;
}

const clientFacts: DeliveryJob['client'] = {
  listener: 'mx',
  role: 'MX',
  address: '::1',
  port: 1,
  name: 'unknown',
  helo: 'x',
  protocol: 'SMTP',
};

/** When the jobs of these tests were decided. */
export const decidedAtMs: number = Date.UTC(2026, 10, 21, 17, 0, 0, 123);

/** One recipient of a failed job, or of one that was delivered. */
export type FailedRecipient = Partial<JobRecipient> & {
  readonly final: string;
  readonly successReport?: SuccessAction;
};

/** What a job deviates in. */
export interface FailedJobOptions {
  readonly task?: 'failure' | 'delay' | 'success';
  /** The status that all recipients failed with. */
  readonly status?: DeliveryStatus;
  readonly job?: Partial<DeliveryJob>;
}

const dispositions: Readonly<Record<'failure' | 'delay' | 'success', Disposition>> = {
  failure: 'bounced',
  delay: 'deferred',
  success: 'delivered',
};

/** A failed (or late, or delivered) job. */
export function failedJob(
  content: BodyRef,
  recipients: readonly FailedRecipient[],
  more: FailedJobOptions = {},
): DispatchedJob {
  const noSuchUser: DeliveryStatus = {
    code: '5.1.1',
    text: 'host mx.partner.test[192.0.2.7] said: 550 5.1.1 no such user (in reply to RCPT TO command)',
    diagnostic: { type: 'smtp', text: '550 5.1.1 no such user' },
    remoteMta: 'mx.partner.test',
  };
  const task = more.task ?? 'failure';
  return {
    task,
    tries: 1,
    pending: recipients.map((_, index) => index),
    activeAtMs: decidedAtMs,
    report: {
      decidedAtMs,
      outcomes: recipients.map(({ final, successReport }, orig) => ({
        orig,
        final,
        run: 'r',
        n: 1,
        disposition: dispositions[task],
        status: more.status ?? noSuchUser,
        relay: 'mx.partner.test[192.0.2.7]:25',
        ...(successReport === undefined ? {} : { successReport }),
      })),
      ...(task === 'delay' ? { willRetryUntil: '2026-11-26T16:00:00.000Z' } : {}),
    },
    job: {
      version: 1,
      jobId: randomBytes(16).toString('hex'),
      queueId: '4W2Yb1Fh5z0BCDFG',
      attempt: 0,
      nextHop: { transport: 'smtp', mx: 'partner.test' },
      destination: 'smtp:partner.test',
      reversePath: 'alice@example.test',
      recipients: recipients.map((each, orig) => ({
        orig,
        original: each.final,
        run: 'r',
        n: 1,
        ...each,
      })),
      smtputf8: false,
      content,
      edits: [],
      client: clientFacts,
      messageId: '<1@example.test>',
      receivedAt: '2026-11-21T16:00:00.000Z',
      incomingSequence: 1,
      ...more.job,
    },
  };
}
