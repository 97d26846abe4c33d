/**
 * What the tests of cleanup stand on: streams under a prefix of their own, a published configuration, a directory spool,
 * and the real service as a process, so that `kill -9` is one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import {
  CorruptRecord,
  DeliveryJob,
  type IncomingRecord,
  cleanupConsumer,
  decodeIncomingRecord,
  encodeIncomingRecord,
  parseRecord,
  unbundle,
} from '@railpost/contracts';
import { type Envelope, formatQueueId, parseHeaderSection, queueIdHalfLimit } from '@railpost/mail';
import { createCompilerCrypto, publishConfiguration } from '@railpost/runtime';
import { type ObjectStore, openObjectStore, openSegmentWriter } from '@railpost/spool';
import type { NatsServer } from '@railpost/testkit';

/** ack_wait of the consumer in tests. */
export const ackWaitMs = 2000;
export const shards = 2;

const mainPath = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A platform of its own on a shared NATS server. */
export interface TestPlatform {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly prefix: string;
  readonly folder: string;
  readonly server: NatsServer;
  close(): Promise<void>;
}

const defaultTeam = ['alice@example.test', 'bob@example.test', 'carol@partner.test', 'dave@outside.test'];

/** Manifests of the platform, as JSON objects. */
function manifests(team: readonly string[]): unknown[] {
  const object = (kind: string, name: string, spec: object) => ({
    apiVersion: 'railpost.io/v1alpha1',
    kind,
    metadata: { name },
    spec,
  });
  return [
    object('MailPlatform', 'main', {
      hostname: 'mail.example.test',
      listeners: [{ name: 'mx', port: 2525, role: 'MX' }],
    }),
    object('MailDomain', 'example.test', { domain: 'example.test', class: 'Mailbox' }),
    object('Mailbox', 'alice', { domain: 'example.test', localPart: 'alice' }),
    object('Mailbox', 'bob', { domain: 'example.test', localPart: 'bob' }),
    object('AliasMap', 'roles', {
      domain: 'example.test',
      entries: [
        {
          localPart: 'team',
          to: team,
        },
      ],
    }),
    object('TransportMap', 'partner', {
      routes: [
        {
          name: 'partner',
          match: { domains: ['partner.test'] },
          nextHop: { smtp: { hosts: [{ host: '127.0.0.1', port: 2526 }] } },
        },
      ],
    }),
  ];
}

export async function openPlatform(server: NatsServer): Promise<TestPlatform> {
  const prefix = `t-${randomUUID().slice(0, 8)}`;
  const folder = await mkdtemp(join(tmpdir(), 'railpost-cleanup-'));
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix,
    name: 'test',
  });
  await makeStreams(bus, 1);
  await configure(bus);
  const store = await openObjectStore(`dir:${join(folder, 'spool')}`);
  return {
    bus,
    store,
    prefix,
    folder,
    server,
    async close() {
      for await (const name of bus.manager.streams.names()) {
        if (name.includes(prefix)) await bus.manager.streams.delete(name);
      }
      await bus.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes the streams of a generation. */
export async function makeStreams(bus: Bus, generation: number): Promise<void> {
  // JetStream reserves max_bytes; many platforms share the test server.
  const maxBytes = { incoming: 2 ** 26, active: 2 ** 26, defer: 2 ** 26 };
  await ensureStreams(bus, { shards, generation, ackWaitMs, maxBytes });
}

/** Publishes the configuration; `team` is who team@example.test expands to. */
export async function configure(bus: Bus, team: readonly string[] = defaultTeam): Promise<void> {
  const documents = manifests(team).map((value, position) => ({ path: 'test.json', position, value }));
  const { objects, problems } = parseManifests(documents);
  const compiled = compile({ objects, crypto: createCompilerCrypto(randomBytes(32)) });
  const errors = [...problems, ...compiled.problems].filter((each) => each.severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  await publishConfiguration(bus, compiled.units);
}

/** A running cleanup process. */
export interface CleanupProcess {
  readonly child: ChildProcess;
  /** Parsed lines of its log, or plain lines in the postfix format. */
  readonly lines: string[];
  /** Resolves when the service is ready, or rejects when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  stop(): Promise<number | null>;
}

export function startCleanup(platform: TestPlatform, flags: readonly string[] = []): CleanupProcess {
  const common = {
    'nats-url': platform.server.url,
    'nats-monitor-url': platform.server.monitorUrl,
    'bus-prefix': platform.prefix,
    spool: `dir:${join(platform.folder, 'spool')}`,
    data: join(platform.folder, randomUUID()),
    'http-port': '0',
    'bind-address': '127.0.0.1',
    name: `c-${randomUUID().slice(0, 8)}`,
    shards: String(shards),
    'ack-wait': `${ackWaitMs}ms`,
  };
  const args = Object.entries(common).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(process.execPath, [mainPath, ...args, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const ready = new Promise<void>((resolve, reject) => {
    output.on('line', (line) => {
      lines.push(line);
      if (line.includes('"event":"ready"') || / ready\b/.test(line)) resolve();
    });
    void exited.then(({ code, signal }) =>
      reject(new Error(`cleanup ended: ${code ?? signal}\n${lines.join('\n')}`)),
    );
  });
  // A process that is to die at once never becomes ready; whoever needs it awaits it.
  ready.catch(() => undefined);
  return {
    child,
    lines,
    ready,
    exited,
    async stop() {
      child.kill('SIGTERM');
      return (await exited).code;
    },
  };
}

/** A message as smtp-ingress would leave it: in the spool, then in INCOMING. Returns the queue id. */
export async function accept(
  platform: TestPlatform,
  message: {
    readonly recipients: readonly string[];
    readonly content?: string;
    readonly client?: Partial<Envelope['client']>;
    readonly history?: IncomingRecord['history'];
  },
): Promise<{ readonly queueId: string; readonly payload: Uint8Array }> {
  const content = Buffer.from(
    message.content ?? 'Message-ID: <1@test>\r\nSubject: x\r\n\r\nbody\r\n',
    'latin1',
  );
  const queueId = formatQueueId(Date.now(), randomInt(2 ** 47) % queueIdHalfLimit);
  const envelope: Envelope = {
    version: 1,
    queueId,
    reversePath: 'sender@outside.test',
    recipients: message.recipients.map((address) => ({ address })),
    smtputf8: false,
    client: {
      listener: 'mx',
      role: 'MX',
      address: '192.0.2.1',
      port: 1,
      name: 'unknown',
      helo: 'x',
      protocol: 'ESMTP',
      ...message.client,
    },
    receivedAt: new Date().toISOString(),
  };
  const writer = openSegmentWriter(platform.store);
  const record = writer.begin();
  await record.write(content);
  const headerBytes = parseHeaderSection(content).bodyStart;
  const body = await record.commit(envelope, headerBytes);
  await writer.close();
  const payload = encodeIncomingRecord(
    {
      version: 1,
      envelope,
      body,
      attempt: 0,
      ...(message.history === undefined ? {} : { history: message.history }),
    },
    content.subarray(0, headerBytes),
  );
  await publishIncoming(platform, queueId, payload, `${queueId}/0`);
  return { queueId, payload };
}

/** Publishes an accepted message once more, as recovery does: with the next attempt. */
export async function acceptAgain(
  platform: TestPlatform,
  { queueId, payload }: { readonly queueId: string; readonly payload: Uint8Array },
): Promise<void> {
  const { record, headerSection } = decodeIncomingRecord(payload);
  const again = encodeIncomingRecord({ ...record, attempt: 1 }, headerSection ?? new Uint8Array(0));
  await publishIncoming(platform, queueId, again, `${queueId}/1`);
}

export async function publishIncoming(
  platform: TestPlatform,
  queueId: string,
  payload: Uint8Array,
  messageId: string,
): Promise<void> {
  const { bus } = platform;
  await bus.jetstream.publish(bus.names.incomingSubject(queueId), payload, { msgID: messageId });
}

/** Every job in the ACTIVE streams, as often as it stands there. */
export async function readJobs(platform: TestPlatform): Promise<DeliveryJob[]> {
  const jobs: DeliveryJob[] = [];
  for (let shard = 0; shard < shards; shard += 1) {
    const stream = platform.bus.names.activeStream(shard);
    jobs.push(
      ...(await readStream(platform.bus, stream)).map((data) => DeliveryJob.parse(parseRecord(data))),
    );
  }
  return jobs;
}

export async function readCorrupt(platform: TestPlatform): Promise<CorruptRecord[]> {
  const records = await readStream(platform.bus, platform.bus.names.corruptStream);
  return records.map((data) => CorruptRecord.parse(parseRecord(data)));
}

async function readStream(bus: Bus, stream: string): Promise<Uint8Array[]> {
  const { state } = await bus.manager.streams.info(stream);
  const messages: Uint8Array[] = [];
  for (let sequence = state.first_seq; sequence <= state.last_seq; sequence += 1) {
    const stored = await bus.manager.streams.getMessage(stream, { seq: sequence });
    if (stored === null) continue;
    messages.push(...unbundle(stored.subject, stored.data).map(({ payload }) => payload));
  }
  return messages;
}

/** Waits until every record of INCOMING is acknowledged. */
export async function untilDrained(platform: TestPlatform): Promise<void> {
  const { bus } = platform;
  await until(async () => {
    const { state } = await bus.manager.streams.info(bus.names.incomingStream);
    const info = await bus.manager.consumers.info(bus.names.incomingStream, cleanupConsumer);
    // The floor, because a message of a moment ago may not count as pending yet.
    const isPassed = info.ack_floor.stream_seq >= state.last_seq;
    return isPassed && info.num_pending === 0 && info.num_ack_pending === 0;
  });
}

export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await sleep(50);
  }
}
