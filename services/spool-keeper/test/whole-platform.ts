/**
 * The whole way of mail around the keeper, for tests of recovery: cleanup, queue-manager and keeper as processes on a NATS server of
 * their own, which may be wiped; agents in the test whose answers it scripts; messages as ingress leaves them.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, ask, connectBus, listShards, openGroupPublisher, readStreamStates } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import {
  ControlReply,
  type ControlRequest,
  encodeIncomingRecord,
  encodeRecord,
  parseRecord,
} from '@railpost/contracts';
import { type Envelope, formatQueueId, queueIdHalfLimit } from '@railpost/mail';
import {
  type AgentTask,
  EventLog,
  type TaskResult,
  createCompilerCrypto,
  createRegistry,
  prepareStreams,
  publishConfiguration,
  runAgent,
  systemClock,
} from '@railpost/runtime';
import { type ObjectStore, openObjectStore, openSegmentWriter } from '@railpost/spool';
import {
  type NatsServer,
  type ServiceProcess,
  startNatsServer,
  startServiceProcess,
} from '@railpost/testkit';

const leaseTtlMs = 3000;
const heartbeatMs = 400;
const maxBytes = { incoming: 2 ** 26, active: 2 ** 26, defer: 2 ** 26 };
const usualTeam = ['one@team.test', 'two@team.test'];

/** Who answers for final recipients. */
export type Answer = 'delivered' | 'deferred' | 'bounced';

/** One delivery that an agent reported as done. */
export type Delivery = string;

/** The platform. */
export class WholePlatform {
  readonly server: NatsServer;
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly folder: string;
  shards = 1;
  /** `queueId final` of everything that agents delivered, in order. */
  readonly deliveries: Delivery[] = [];
  /** The same of every attempt. */
  readonly attempts: Delivery[] = [];
  /** What the next hop says; asked at each attempt. */
  answer: (final: string, task: AgentTask) => Answer | Promise<Answer> = () => 'delivered';
  /** Whether the agent of reports works. */
  canReport = true;
  readonly #processes = new Set<ServiceProcess>();
  readonly #closers: (() => Promise<unknown>)[] = [];

  constructor(parts: { server: NatsServer; bus: Bus; store: ObjectStore; folder: string }) {
    this.server = parts.server;
    this.bus = parts.bus;
    this.store = parts.store;
    this.folder = parts.folder;
  }

  /** Starts a service with the short times of tests; killed with the platform at the latest. */
  async start(
    service: string,
    flags: readonly string[] = [],
    isReadyAwaited = true,
  ): Promise<ServiceProcess> {
    const settings: Readonly<Record<string, string>> = {
      'nats-url': this.server.url,
      'nats-monitor-url': this.server.monitorUrl,
      'bus-prefix': this.bus.names.prefix,
      spool: `dir:${join(this.folder, 'spool')}`,
      data: join(this.folder, randomUUID()),
      'http-port': '0',
      'bind-address': '127.0.0.1',
      name: `p-${randomUUID().slice(0, 8)}`,
      shards: String(this.shards),
      'lease-ttl': `${leaseTtlMs}ms`,
      heartbeat: `${heartbeatMs}ms`,
    };
    const common = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const more = [...common, ...(ownSettings[service] ?? []), ...flags];
    const started = await startServiceProcess({ service, settings: more, isReadyAwaited });
    this.#processes.add(started);
    return started;
  }

  /** Kills all processes of the platform. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#processes].map((each) => each.kill()));
    this.#processes.clear();
  }

  /** Starts an agent of the common form for a transport. */
  async startAgent(transport: string): Promise<void> {
    const { server } = this;
    const bus = await connectBus({
      servers: [server.url],
      monitorUrls: [server.monitorUrl],
      prefix: this.bus.names.prefix,
      name: 'agent',
    });
    const settings = { heartbeat: heartbeatMs } as Parameters<typeof runAgent>[0]['settings']; // the only one agents read
    const name = `agent-${transport}`;
    const agent = await runAgent(
      {
        bus,
        name,
        settings,
        clock: systemClock,
        log: quietLog(name),
        metrics: createRegistry(name, 'test'),
        processName: randomUUID(),
      },
      { transports: [transport], slots: 50, deliver: (task) => this.#deliver(transport, task) },
    );
    this.#closers.push(async () => {
      void agent.stop();
      await bus.connection.close();
    });
  }

  /** Puts a message into the spool as ingress does, and into INCOMING unless it is told not to. Returns how to publish it again. */
  async accept(
    recipients: readonly string[],
    more: { readonly isPublished?: boolean; readonly envelope?: Partial<Envelope> } = {},
  ): Promise<{ readonly queueId: string; publish(): Promise<void> }> {
    const content = Buffer.from('Message-ID: <1@test>\r\nSubject: x\r\n\r\nbody\r\n', 'latin1');
    const queueId = formatQueueId(Date.now(), randomInt(2 ** 47) % queueIdHalfLimit);
    const envelope: Envelope = {
      ...emptyEnvelope(queueId),
      recipients: recipients.map((address) => ({ address })),
      ...more.envelope,
    };
    const writer = openSegmentWriter(this.store);
    const record = writer.begin();
    await record.write(content);
    const headerBytes = content.indexOf('\r\n\r\n') + 4;
    const body = await record.commit(envelope, headerBytes);
    await writer.close();
    const payload = encodeIncomingRecord(
      { version: 1, envelope, body, attempt: 0 },
      content.subarray(0, headerBytes),
    );
    const { bus } = this;
    const publish = async () => {
      const publisher = openGroupPublisher(bus, bus.names.incomingStream);
      await publisher.publish(bus.names.incomingSubject(queueId), payload, { messageId: `${queueId}/0` });
    };
    if (more.isPublished !== false) await publish();
    return { queueId, publish };
  }

  /** Tells all owners; waits until each shard has one. */
  async control(request: ControlRequest): Promise<ControlReply[]> {
    const replies: ControlReply[] = [];
    for (const shard of await this.#shards()) {
      let answer: unknown;
      await until(async () => {
        answer = await ask(this.bus, this.bus.names.controlSubject(shard), encodeRecord(request), 2000);
        return answer instanceof Uint8Array;
      });
      if (answer instanceof Uint8Array) replies.push(ControlReply.parse(parseRecord(answer)));
    }
    return replies;
  }

  /** Brings the streams in order and publishes the configuration, as `railpost up` does at its start. */
  async prepare(team?: readonly string[]): Promise<number> {
    const { bus, store, shards } = this;
    const streams = { shards, maxBytes, ackWaitMs: 2000 };
    await until(() => bus.health().isHealthy);
    const { generation } = await prepareStreams({ bus, store, streams });
    await this.configure(team);
    return generation;
  }

  /** Waits until the streams are of the generation. */
  async untilGeneration(generation: number): Promise<void> {
    await until(async () => {
      const states = await readStreamStates(this.bus).catch(() => []);
      return states.length > 0 && states.every((each) => each.generation === generation);
    });
  }

  /** Publishes a configuration in which team@example.test expands to these. */
  async configure(team: readonly string[] = usualTeam): Promise<void> {
    await until(() =>
      publishTeam(this.bus, team).then(
        () => true,
        () => false,
      ),
    );
  }

  /** Copies what NATS holds; it must not run. */
  async copyNats(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'railpost-copy-'));
    this.#closers.push(() => rm(folder, { recursive: true, force: true }));
    await cp(this.server.storeDir, folder, { recursive: true });
    return folder;
  }

  /** Puts a copy in the place of what NATS holds; it must not run. */
  async restoreNats(copy: string): Promise<void> {
    await rm(this.server.storeDir, { recursive: true, force: true });
    await cp(copy, this.server.storeDir, { recursive: true });
  }

  async close(): Promise<void> {
    await this.killAll();
    for (const close of this.#closers.splice(0).reverse()) await close();
    await this.bus.connection.close();
    await this.bus.close();
    await this.store.close();
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #shards(): Promise<number[]> {
    let shards: number[] = [];
    await until(async () => {
      shards = await listShards(this.bus).catch(() => []);
      return shards.length > 0;
    });
    return shards;
  }

  async #deliver(transport: string, task: AgentTask): Promise<TaskResult> {
    if (transport === 'bounce' && !this.canReport) throw new Error('no reports for now');
    const recipients = await Promise.all(
      task.pending.map(async ({ index, recipient }) => {
        const key = `${task.job.queueId} ${recipient.final}`;
        if (transport !== 'bounce') this.attempts.push(key);
        const disposition = transport === 'bounce' ? 'delivered' : await this.answer(recipient.final, task);
        if (transport !== 'bounce' && disposition === 'delivered') this.deliveries.push(key);
        return { index, disposition, status: { code: '2.0.0', text: disposition }, relay: 'test' };
      }),
    );
    return { recipients };
  }
}

const ownSettings: Readonly<Record<string, readonly string[]>> = {
  cleanup: ['--ack-wait', '2s'],
  'queue-manager': [
    ...['--incoming-max-bytes', '64Mi', '--active-max-bytes', '64Mi', '--defer-max-bytes', '64Mi'],
    ...['--ack-wait', '2s'],
  ],
  'spool-keeper': ['--orphan-every', '500ms', '--orphan-after', '1s', '--garbage-every', '500ms'],
};

/** Opens a platform on a NATS server of its own; nothing runs yet but NATS. */
export async function openWholePlatform(): Promise<WholePlatform> {
  const server = await startNatsServer();
  const folder = await mkdtemp(join(tmpdir(), 'railpost-recovery-'));
  const bus = await connectBus({ servers: [server.url], monitorUrls: [server.monitorUrl], name: 'test' });
  const store = await openObjectStore(`dir:${join(folder, 'spool')}`);
  const platform = new WholePlatform({ server, bus, store, folder });
  await platform.prepare();
  return platform;
}

async function publishTeam(bus: Bus, team: readonly string[]): Promise<void> {
  const object = (kind: string, name: string, spec: object) => ({
    apiVersion: 'railpost.io/v1alpha1',
    kind,
    metadata: { name },
    spec,
  });
  const values = [
    object('MailPlatform', 'main', {
      hostname: 'mail.example.test',
      listeners: [{ name: 'mx', port: 2525, role: 'MX' }],
      queue: { backoff: { minimum: '1s', maximum: '2s' } },
    }),
    object('MailDomain', 'example.test', { domain: 'example.test', class: 'Mailbox' }),
    object('AliasMap', 'roles', { domain: 'example.test', entries: [{ localPart: 'team', to: [...team] }] }),
  ];
  const { objects, problems } = parseManifests(
    values.map((value, position) => ({ path: 'test.json', position, value })),
  );
  const compiled = compile({ objects, crypto: createCompilerCrypto(randomBytes(32)) });
  const errors = [...problems, ...compiled.problems].filter((each) => each.severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  await publishConfiguration(bus, compiled.units);
}

function emptyEnvelope(queueId: string): Envelope {
  const nobody = {
    listener: 'mx',
    address: '192.0.2.1',
    port: 1,
    name: 'unknown',
    helo: 'x',
    protocol: 'ESMTP',
  };
  return {
    version: 1,
    queueId,
    reversePath: 'sender@outside.test',
    recipients: [],
    smtputf8: false,
    client: { ...nobody, role: 'MX' },
    receivedAt: new Date().toISOString(),
  };
}

function quietLog(service: string): EventLog {
  return new EventLog({ service, processName: '1', format: 'json', level: 'error', write: () => undefined });
}

/** Waits for a condition. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await sleep(50);
  }
}
