/**
 * What the tests of smtp-ingress stand on: streams under a prefix of their own, a published configuration, a directory spool,
 * and the real service as a process, so that `kill -9` is one and its memory can be measured.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import { type IncomingRecord, decodeIncomingRecord, unbundle } from '@railpost/contracts';
import { createCompilerCrypto, publishConfiguration } from '@railpost/runtime';
import { type ObjectStore, openObjectStore, openSegmentReader } from '@railpost/spool';
import { type NatsServer, type ServiceProcess, findFreePorts, startServiceProcess } from '@railpost/testkit';

/** Login of alice in all tests. */
export const alice = { login: 'alice@example.test', password: 'alice-demo' } as const;

/** Ports of one process. */
export interface Ports {
  readonly mx: number;
  readonly submission: number;
  readonly submissions: number;
  readonly internal: number;
}

/** A platform of its own on a shared NATS server. */
export interface TestPlatform {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly folder: string;
  readonly ports: Ports;
  /** Makes streams and configuration once more, in another generation. */
  renew(generation: number): Promise<void>;
  /** Publishes a changed MailPlatform spec (and further objects). */
  configure(platformSpec: object, more?: readonly unknown[]): Promise<void>;
  start(flags?: readonly string[], options?: { readonly isReadyAwaited?: boolean }): Promise<ServiceProcess>;
  /** Starts the service with `--log-format=postfix`, its output appended to a file. */
  startPostfixLog(path: string): Promise<void>;
  /** Makes every further write into the spool fail. */
  breakSpool(): Promise<void>;
  close(): Promise<void>;
}

/** A manifest. */
function object(kind: string, name: string, spec: object): unknown {
  return { apiVersion: 'railpost.io/v1alpha1', kind, metadata: { name }, spec };
}

/** A Secret. */
export function secret(name: string, stringData: Readonly<Record<string, string>>): unknown {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

function mailbox(localPart: string, more: object = {}): unknown {
  return object('Mailbox', localPart, { domain: 'example.test', localPart, ...more });
}

function manifests(ports: Ports, platformSpec: object, more: readonly unknown[]): unknown[] {
  return [
    object('MailPlatform', 'main', {
      hostname: 'mail.example.test',
      listeners: [
        { name: 'mx', port: ports.mx, role: 'MX' },
        { name: 'submission', port: ports.submission, role: 'Submission' },
        { name: 'submissions', port: ports.submissions, role: 'Submission', tls: { mode: 'Implicit' } },
        {
          name: 'internal',
          port: ports.internal,
          role: 'Internal',
          tls: { mode: 'None' },
          trustedNetworks: ['127.0.0.0/8'],
        },
      ],
      limits: { connectionsPerClient: 0 },
      ...platformSpec,
    }),
    object('MailDomain', 'example.test', { domain: 'example.test', class: 'Mailbox' }),
    object('MailDomain', 'partner.test', {
      domain: 'partner.test',
      class: 'Relay',
      recipients: { mode: 'List', list: ['carol'] },
    }),
    mailbox('alice', { passwordSecretRef: { name: 'alice' } }),
    secret('alice', { password: alice.password }),
    mailbox('bob'),
    mailbox('leaver', { state: 'Disabled' }),
    object('AliasMap', 'roles', {
      domain: 'example.test',
      entries: [{ localPart: 'postmaster', to: ['alice@example.test'] }],
    }),
    ...more,
  ];
}

/** Opens a platform. `platformSpec` is merged into the MailPlatform; `spool` is a directory of its own unless it is given. */
export async function openPlatform(
  server: NatsServer,
  platformSpec: object = {},
  more: readonly unknown[] = [],
  spool?: string,
): Promise<TestPlatform> {
  const prefix = `t-${randomUUID().slice(0, 8)}`;
  const folder = await mkdtemp(join(tmpdir(), 'railpost-ingress-'));
  const keyFile = join(folder, 'platform.key');
  const key = randomBytes(32);
  await writeFile(keyFile, `${key.toString('base64')}\n`, { mode: 0o600 });
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix,
    name: 'test',
  });
  const maxBytes = { incoming: 2 ** 27, active: 2 ** 24, defer: 2 ** 24 };
  const makeStreams = (generation: number) => ensureStreams(bus, { shards: 1, generation, maxBytes });
  await makeStreams(1);
  const [mx = 0, submission = 0, submissions = 0, internal = 0] = await findFreePorts(4);
  const ports = { mx, submission, submissions, internal };
  const location = spool ?? `dir:${join(folder, 'spool')}`;
  const store = await openObjectStore(location);
  const running: ServiceProcess[] = [];
  const children: ChildProcess[] = [];

  async function configure(spec: object, objects: readonly unknown[] = []): Promise<void> {
    const documents = manifests(ports, spec, objects).map((value, position) => ({
      path: 'test.json',
      position,
      value,
    }));
    const parsed = parseManifests(documents);
    const compiled = compile({ objects: parsed.objects, crypto: createCompilerCrypto(key) });
    const errors = [...parsed.problems, ...compiled.problems].filter((each) => each.severity === 'error');
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    await publishConfiguration(bus, compiled.units);
  }
  await configure(platformSpec, more);

  function settingsOf(): string[] {
    const common = {
      'nats-url': server.url,
      'nats-monitor-url': server.monitorUrl,
      'bus-prefix': prefix,
      spool: location,
      data: join(folder, randomUUID()),
      'platform-key-file': keyFile,
      'http-port': '0',
      'bind-address': '127.0.0.1',
      name: `i-${randomUUID().slice(0, 8)}`,
    };
    return Object.entries(common).flatMap(([name, value]) => [`--${name}`, value]);
  }

  return {
    bus,
    store,
    folder,
    ports,
    configure,
    async renew(generation) {
      await makeStreams(generation);
      await configure(platformSpec, more);
    },
    async start(flags = [], options = {}) {
      const settings = [...settingsOf(), ...flags];
      const service = await startServiceProcess({ service: 'smtp-ingress', settings, ...options });
      running.push(service);
      // Ready is said although a port cannot be had: somebody else may hold it for a moment, and would be taken for ours.
      if (options.isReadyAwaited !== false) await until(() => hasAllPorts(service));
      return service;
    },
    async startPostfixLog(path) {
      const output = openSync(path, 'a');
      const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
      const flags = [main, ...settingsOf(), '--log-format', 'postfix'];
      const child = spawn(process.execPath, flags, { stdio: ['ignore', output, 'inherit'] });
      closeSync(output);
      children.push(child);
      await until(async () => (await readFile(path, 'utf8')).includes('process is ready'));
    },
    async breakSpool() {
      // The tests run as root, whom permissions do not stop: a file where the folder was does.
      await rename(join(folder, 'spool'), join(folder, 'spool-away'));
      await writeFile(join(folder, 'spool'), '');
    },
    async close() {
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(running.map((service) => service.kill()));
      for await (const name of bus.manager.streams.names()) {
        if (name.includes(prefix)) await bus.manager.streams.delete(name);
      }
      await bus.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** True when every port that could not be opened was opened later. */
function hasAllPorts({ events }: ServiceProcess): boolean {
  const listeners = events.filter(({ event }) => event === 'listener-opened' || event === 'listener-failed');
  const last = new Map(listeners.map((each) => [each['listener'], each.event]));
  return ![...last.values()].includes('listener-failed');
}

/** A message as INCOMING holds it. */
export interface QueuedMessage {
  readonly record: IncomingRecord;
  readonly headerSection: string | undefined;
}

/** Every record in INCOMING, in order. */
export async function readIncoming(platform: TestPlatform): Promise<QueuedMessage[]> {
  const { bus } = platform;
  const { state } = await bus.manager.streams.info(bus.names.incomingStream);
  const messages: QueuedMessage[] = [];
  for (let sequence = state.first_seq; sequence <= state.last_seq; sequence += 1) {
    const stored = await bus.manager.streams.getMessage(bus.names.incomingStream, { seq: sequence });
    if (stored === null) continue;
    for (const { payload } of unbundle(stored.subject, stored.data)) {
      const { record, headerSection } = decodeIncomingRecord(payload);
      const text = headerSection === undefined ? undefined : Buffer.from(headerSection).toString('latin1');
      messages.push({ record, headerSection: text });
    }
  }
  return messages;
}

/** The stored content of a message, our Received field taken off, as Latin-1 text. */
export async function readContent(platform: TestPlatform, message: QueuedMessage): Promise<string> {
  const reader = openSegmentReader(platform.store, { cacheBytes: 0 });
  const content = await reader.read(message.record.body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.chunks()) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('latin1');
  return text.replace(/^Received: [^\n]*\n(?:\t[^\n]*\n)*/, '');
}

/** Proportional set size of a process, in MiB. */
export async function memoryMiB(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024;
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await sleep(20);
  }
}
