/**
 * What the tests of queue-manager stand on: streams under a prefix of their own, a published configuration with short times, a
 * directory spool, the real service as processes, and delivery agents of the common form whose deliveries a test scripts.
 */
import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, ask, connectBus, ensureStreams, openGroupPublisher } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import {
  ControlReply,
  type ControlRequest,
  DeferRecord,
  type DeliveryJob,
  type JobRecipient,
  type JournalEntry,
  type NextHop,
  destinationOf,
  encodeRecord,
  jobIdentity,
  parseRecord,
  shardOf,
} from '@railpost/contracts';
import { formatQueueId, queueIdHalfLimit } from '@railpost/mail';
import {
  type AgentTask,
  EventLog,
  type TaskResult,
  createCompilerCrypto,
  createRegistry,
  publishConfiguration,
  runAgent,
  systemClock,
} from '@railpost/runtime';
import { type ObjectStore, loadJournal, openObjectStore } from '@railpost/spool';
import { type NatsServer, type ServiceProcess, startServiceProcess } from '@railpost/testkit';

/** Lease TTL and heartbeat of all processes in tests. */
export const leaseTtlMs = 3000;
const defaultHeartbeatMs = 400;

/** A platform of its own on a NATS server. */
export interface TestPlatform {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly server: NatsServer;
  readonly folder: string;
  readonly shards: number;
  /** Heartbeat of agents, milliseconds; four of them are silence (rule 9). */
  readonly heartbeatMs: number;
  /** Closes what the test left open and takes the streams away. */
  close(): Promise<void>;
  readonly closers: (() => Promise<unknown>)[];
  /** Every queue-manager that was started. */
  readonly managers: ServiceProcess[];
}

/** Queue times of the configuration. */
export interface Times {
  readonly backoff?: { readonly minimum: string; readonly maximum: string };
  readonly lifetime?: string;
  readonly bounceLifetime?: string;
  readonly delayWarning?: string;
  readonly suspend?: boolean;
}

/** Opens a platform. */
export async function openPlatform(
  server: NatsServer,
  options: Times & { shards?: number; heartbeatMs?: number } = {},
): Promise<TestPlatform> {
  const shards = options.shards ?? 1;
  const folder = await mkdtemp(join(tmpdir(), 'railpost-queue-'));
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix: `t-${randomUUID().slice(0, 8)}`,
    name: 'test',
  });
  await makeStreams(bus, 1, shards);
  await configure(bus, options);
  const store = await openObjectStore(`dir:${join(folder, 'spool')}`);
  const closers: (() => Promise<unknown>)[] = [];
  return {
    bus,
    store,
    server,
    folder,
    shards,
    heartbeatMs: options.heartbeatMs ?? defaultHeartbeatMs,
    closers,
    managers: [],
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
      for await (const name of bus.manager.streams.names())
        if (name.includes(bus.names.prefix)) await bus.manager.streams.delete(name);
      await bus.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes the streams of a generation. */
export async function makeStreams(bus: Bus, generation: number, shards: number): Promise<void> {
  // JetStream reserves max_bytes; many platforms share the test server.
  const maxBytes = { incoming: 2 ** 26, active: 2 ** 26, defer: 2 ** 26 };
  await ensureStreams(bus, { shards, generation, maxBytes, ackWaitMs: 2000 });
}

/** Publishes a configuration; called again it is an edit. */
export async function configure(bus: Bus, times: Times = {}): Promise<void> {
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
      queue: {
        backoff: times.backoff ?? { minimum: '1s', maximum: '2s' },
        lifetime: times.lifetime ?? '1h',
        bounceLifetime: times.bounceLifetime ?? '1h',
        delayWarning: times.delayWarning ?? '0s',
      },
    }),
    object('MailDomain', 'example.test', {
      domain: 'example.test',
      class: 'Mailbox',
      suspend: times.suspend === true,
    }),
  ];
  const documents = values.map((value, position) => ({ path: 'test.json', position, value }));
  const { objects, problems } = parseManifests(documents);
  const compiled = compile({ objects, crypto: createCompilerCrypto(randomBytes(32)) });
  const errors = [...problems, ...compiled.problems].filter((each) => each.severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  await publishConfiguration(bus, compiled.units);
}

/** Starts queue-manager as a process; ended with the platform at the latest. */
export async function startManager(
  platform: TestPlatform,
  flags: readonly string[] = [],
  isReadyAwaited = true,
): Promise<ServiceProcess> {
  const settings = {
    'nats-url': platform.server.url,
    'nats-monitor-url': platform.server.monitorUrl,
    'bus-prefix': platform.bus.names.prefix,
    spool: `dir:${join(platform.folder, 'spool')}`,
    data: join(platform.folder, randomUUID()),
    'http-port': '0',
    'bind-address': '127.0.0.1',
    name: `q-${randomUUID().slice(0, 8)}`,
    shards: String(platform.shards),
    'lease-ttl': `${leaseTtlMs}ms`,
    heartbeat: `${platform.heartbeatMs}ms`,
    'incoming-max-bytes': '64Mi',
    'active-max-bytes': '64Mi',
    'defer-max-bytes': '64Mi',
    'ack-wait': '2s',
  };
  const common = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const manager = await startServiceProcess({
    service: 'queue-manager',
    settings: [...common, ...flags],
    isReadyAwaited,
  });
  platform.closers.push(() => manager.kill());
  platform.managers.push(manager);
  return manager;
}

/** A delivery agent of the common form with scripted deliveries. */
export interface TestAgent {
  /** Every task it was given, in order. */
  readonly tasks: readonly AgentTask[];
  /** Number of tasks of a kind per job id. */
  count(jobId: string, task?: AgentTask['task']): number;
  stop(): Promise<void>;
  /** Cuts it off without a word, as kill -9 would. */
  die(): Promise<void>;
}

/** Starts an agent. `deliver` decides; by default everything is delivered. */
export async function startAgent(
  platform: TestPlatform,
  transport: string,
  deliver: (task: AgentTask) => TaskResult | Promise<TaskResult> = delivered,
  slots = 50,
): Promise<TestAgent> {
  const tasks: AgentTask[] = [];
  const bus = await connectBus({
    servers: [platform.server.url],
    monitorUrls: [platform.server.monitorUrl],
    prefix: platform.bus.names.prefix,
    name: 'agent',
  });
  const name = `agent-${transport}`;
  const settings = { heartbeat: platform.heartbeatMs } as Parameters<typeof runAgent>[0]['settings']; // the only one agents read
  const agent = await runAgent(
    {
      bus,
      clock: systemClock,
      log: new EventLog({
        service: name,
        processName: '1',
        format: 'json',
        level: 'error',
        write: () => undefined,
      }),
      metrics: createRegistry(name, 'test'),
      name,
      processName: randomUUID().slice(0, 8),
      settings,
    },
    {
      transports: [transport],
      slots,
      deliver: async (task) => {
        tasks.push(task);
        return deliver(task);
      },
    },
  );
  let isOver = false;
  const end = async (isClean: boolean) => {
    if (isOver) return;
    isOver = true;
    if (isClean) await agent.stop();
    else void agent.stop();
    await bus.connection.close();
  };
  platform.closers.push(() => end(false));
  return {
    tasks,
    count: (jobId, task) =>
      tasks.filter((each) => each.job.jobId === jobId && (task === undefined || each.task === task)).length,
    stop: () => end(true),
    die: () => end(false),
  };
}

/** Results of a scripted delivery. */
export function delivered(task: AgentTask): TaskResult {
  return resultOf(task, 'delivered', '2.0.0');
}
export function deferred(task: AgentTask): TaskResult {
  return resultOf(task, 'deferred', '4.2.0');
}
export function bounced(task: AgentTask): TaskResult {
  return resultOf(task, 'bounced', '5.1.1');
}

function resultOf(
  task: AgentTask,
  disposition: 'delivered' | 'deferred' | 'bounced',
  code: string,
): TaskResult {
  return {
    recipients: task.pending.map(({ index }) => ({
      index,
      disposition,
      status: { code, text: `scripted ${disposition}` },
      relay: 'test',
    })),
  };
}

/** What a test may say of a job. */
export interface JobRequest {
  readonly nextHop?: NextHop;
  readonly recipients?: readonly (Partial<JobRecipient> & { readonly final: string })[];
  readonly reversePath?: string;
  readonly mailDomain?: string;
  readonly queueId?: string;
  readonly receivedAtMs?: number;
}

/** Makes a job as cleanup would. */
export function makeJob(request: JobRequest = {}): DeliveryJob {
  const nextHop = request.nextHop ?? { transport: 'smtp', mx: 'partner.test' };
  const queueId = request.queueId ?? formatQueueId(Date.now(), randomInt(2 ** 47) % queueIdHalfLimit);
  const recipients = (request.recipients ?? [{ final: 'bob@partner.test' }]).map((each, index) => ({
    orig: index,
    original: each.final,
    run: 'run',
    n: 1,
    ...each,
  }));
  const identity = jobIdentity({ queueId, nextHop, recipients });
  return {
    version: 1,
    jobId: createHash('sha256').update(identity).digest('hex').slice(0, 32),
    queueId,
    attempt: 0,
    nextHop,
    destination: destinationOf(nextHop),
    ...(request.mailDomain === undefined ? {} : { mailDomain: request.mailDomain }),
    reversePath: request.reversePath ?? 'alice@example.test',
    recipients,
    smtputf8: false,
    content: { key: 'segments/none', offset: 0, bytes: 100, headerBytes: 50, sha256: '0'.repeat(64) },
    edits: [],
    client: {
      listener: 'mx',
      role: 'MX',
      address: '',
      port: 0,
      name: 'unknown',
      helo: 'x',
      protocol: 'ESMTP',
    },
    messageId: '<m@example.test>',
    receivedAt: new Date(request.receivedAtMs ?? Date.now()).toISOString(),
    incomingSequence: 2 ** 40,
  };
}

/** Publishes jobs to ACTIVE as cleanup would. */
export async function enqueue(platform: TestPlatform, ...jobs: readonly DeliveryJob[]): Promise<void> {
  const { bus, shards } = platform;
  const publishers = new Map<number, ReturnType<typeof openGroupPublisher>>();
  await Promise.all(
    jobs.map((job) => {
      const shard = shardOf(job.destination, shards);
      const publisher = publishers.get(shard) ?? openGroupPublisher(bus, bus.names.activeStream(shard));
      publishers.set(shard, publisher);
      return publisher.publish(
        bus.names.activeSubject(shard, job.destination, job.jobId),
        encodeRecord(job),
        {
          messageId: `${job.jobId}/${job.attempt}`,
        },
      );
    }),
  );
}

/** All entries of the journal, of the message if one is named. */
export async function readJournal(platform: TestPlatform, queueId?: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const object of loadJournal(platform.store)) entries.push(...object.entries);
  return entries.filter((entry) => queueId === undefined || entry.queueId === queueId);
}

/** Kinds of the journal entries of a message, in order. */
export async function journalKinds(platform: TestPlatform, queueId: string): Promise<string[]> {
  return (await readJournal(platform, queueId)).map((entry) => entry.kind);
}

/** The DEFER record of a job, if there is one. */
export async function readDefer(platform: TestPlatform, job: DeliveryJob): Promise<DeferRecord | undefined> {
  const { bus, shards } = platform;
  const shard = shardOf(job.destination, shards);
  const last = await bus.manager.streams.getMessage(bus.names.deferStream(shard), {
    last_by_subj: bus.names.deferSubject(shard, job.destination, job.jobId),
  });
  return last === null ? undefined : DeferRecord.parse(parseRecord(last.data));
}

/** True when nothing is left in ACTIVE (acknowledged) and DEFER (but the epochs). */
export async function isDrained(platform: TestPlatform): Promise<boolean> {
  const { bus, shards } = platform;
  for (let shard = 0; shard < shards; shard += 1) {
    const active = await bus.manager.streams.info(bus.names.activeStream(shard));
    const defer = await bus.manager.streams.info(bus.names.deferStream(shard), {
      subjects_filter: `${bus.names.prefix}.def.${shard}.*.>`,
    });
    if (active.state.messages > 0 || Object.keys(defer.state.subjects ?? {}).length > 0) return false;
  }
  return true;
}

/** Sends a control request to the owner of a shard; waits until there is one. */
export async function control(
  platform: TestPlatform,
  request: ControlRequest,
  shard = 0,
): Promise<ControlReply> {
  const { bus } = platform;
  const deadline = performance.now() + 20_000;
  for (;;) {
    const answer = await ask(bus, bus.names.controlSubject(shard), encodeRecord(request), 5000);
    if (answer instanceof Uint8Array) return ControlReply.parse(parseRecord(answer));
    if (performance.now() > deadline) throw new Error(`no owner answers: ${answer}`);
    await sleep(50);
  }
}

export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 45_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await sleep(50);
  }
}
