/** A platform around one service under test: streams, a configuration, a spool, a scripted owner, all under a prefix of its own. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import type { DispatchedJob } from '@railpost/contracts';
import type { BodyRef, Envelope, HeaderEdit } from '@railpost/mail';
import { createCompilerCrypto, publishConfiguration } from '@railpost/runtime';
import { type ObjectStore, type SegmentWriter, openObjectStore, openSegmentWriter } from '@railpost/spool';
import {
  type NatsServer,
  type ScriptedOwner,
  type ServiceProcess,
  startScriptedOwner,
  startServiceProcess,
} from '@railpost/testkit';

/** What a test works with. */
export interface Platform {
  readonly owner: ScriptedOwner;
  readonly store: ObjectStore;
  readonly mailRoot: string;
  /** Publishes MailDomain example.test with these Mailboxes. */
  configure(enabled: readonly string[], disabled?: readonly string[]): Promise<void>;
  /** Stores a message in the spool. */
  spool(content: Buffer): Promise<BodyRef>;
  /** Starts delivery-mailbox; `crashAt` names a crash point. */
  start(crashAt?: string): Promise<ServiceProcess>;
  /** Kills every process that was started. */
  killAll(): Promise<void>;
  close(): Promise<void>;
}

/** Prepares everything but the service. */
export async function preparePlatform(server: NatsServer): Promise<Platform> {
  const prefix = `mb${randomBytes(4).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'railpost-mailbox-'));
  // A Dovecot of another user passes through here.
  await chmod(folder, 0o755);
  const mailRoot = join(folder, 'mail');
  await mkdir(mailRoot);
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix,
    name: 'test',
  });
  const maxBytes = { incoming: 2 ** 26, active: 2 ** 26, defer: 2 ** 26 };
  await ensureStreams(bus, { shards: 1, generation: 1, maxBytes });
  const location = `dir:${folder}/spool`;
  const store = await openObjectStore(location);
  const writer = openSegmentWriter(store);
  const owner = await startScriptedOwner(server.url, prefix);
  const processes: ServiceProcess[] = [];
  async function killAll(): Promise<void> {
    await Promise.all(processes.map((service) => service.kill()));
  }
  return {
    owner,
    store,
    mailRoot,
    configure: (enabled, disabled = []) =>
      configure(bus, [
        ...enabled.map((localPart) => ({ localPart, state: 'Enabled' })),
        ...disabled.map((localPart) => ({ localPart, state: 'Disabled' })),
      ]),
    spool: (content) => spool(writer, content),
    async start(crashAt) {
      const service = await startServiceProcess({
        service: 'delivery-mailbox',
        settings: [
          ...['--nats-url', server.url, '--nats-monitor-url', server.monitorUrl, '--bus-prefix', prefix],
          ...['--spool', location, '--data', join(folder, 'data'), '--mail-root', mailRoot],
          ...['--http-port', '0', '--bind-address', '127.0.0.1', '--heartbeat', '500ms'],
          ...['--name', `p${processes.length}`],
          ...(crashAt === undefined ? [] : ['--crash-at', crashAt]),
        ],
      });
      processes.push(service);
      return service;
    },
    killAll,
    async close() {
      await killAll();
      await owner.close();
      await writer.close();
      await bus.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function configure(
  bus: Bus,
  mailboxes: readonly { readonly localPart: string; readonly state: string }[],
): Promise<void> {
  const apiVersion = 'railpost.io/v1alpha1';
  const values: unknown[] = [
    {
      apiVersion,
      kind: 'MailPlatform',
      metadata: { name: 'main' },
      spec: { hostname: 'mail.example.test', listeners: [{ name: 'mx', port: 2525, role: 'MX' }] },
    },
    {
      apiVersion,
      kind: 'MailDomain',
      metadata: { name: 'example.test' },
      spec: { domain: 'example.test', class: 'Mailbox' },
    },
    ...mailboxes.map((mailbox, index) => ({
      apiVersion,
      kind: 'Mailbox',
      metadata: { name: `mailbox-${index}` },
      spec: { domain: 'example.test', ...mailbox },
    })),
  ];
  const parsed = parseManifests(values.map((value, position) => ({ path: 'test.yaml', position, value })));
  const compiled = compile({ objects: parsed.objects, crypto: createCompilerCrypto(Buffer.alloc(32)) });
  const errors = [...parsed.problems, ...compiled.problems].filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(`test manifests are wrong: ${JSON.stringify(errors)}`);
  await publishConfiguration(bus, compiled.units);
}

async function spool(writer: SegmentWriter, content: Buffer): Promise<BodyRef> {
  const envelope: Envelope = {
    version: 1,
    queueId: 'q',
    reversePath: 'sender@elsewhere.test',
    recipients: [{ address: 'alice@example.test' }],
    smtputf8: false,
    client: {
      listener: 'mx',
      role: 'MX',
      address: '::1',
      port: 1,
      name: 'unknown',
      helo: 'x',
      protocol: 'SMTP',
    },
    receivedAt: '2026-11-21T16:00:00.000Z',
  };
  const record = writer.begin();
  for (let start = 0; start < content.length; start += 65_536) {
    const wait = record.write(content.subarray(start, start + 65_536));
    if (wait !== undefined) await wait;
  }
  const end = content.indexOf('\r\n\r\n');
  return record.commit(envelope, end === -1 ? content.length : end + 4);
}

/** A dispatched job for addresses of example.test. */
export function jobFor(
  content: BodyRef,
  finals: readonly string[],
  more: {
    readonly jobId?: string;
    readonly edits?: readonly HeaderEdit[];
    readonly receivedAt?: string;
  } = {},
): DispatchedJob {
  return {
    task: 'deliver',
    tries: 0,
    pending: finals.map((_, index) => index),
    activeAtMs: Date.now(),
    job: {
      version: 1,
      jobId: more.jobId ?? randomBytes(16).toString('hex'),
      queueId: '4W2Yb1Fh5z0BCDFG',
      attempt: 0,
      nextHop: { transport: 'mailbox', domain: 'example.test' },
      destination: 'mailbox:example.test',
      mailDomain: 'example.test',
      reversePath: 'sender@elsewhere.test',
      recipients: finals.map((final, orig) => ({ orig, original: `to.${final}`, final, run: 'r', n: 1 })),
      smtputf8: false,
      content,
      edits: [...(more.edits ?? [])],
      client: {
        listener: 'mx',
        role: 'MX',
        address: '::1',
        port: 1,
        name: 'unknown',
        helo: 'x',
        protocol: 'SMTP',
      },
      messageId: '<1@elsewhere.test>',
      receivedAt: more.receivedAt ?? new Date().toISOString(),
      incomingSequence: 1,
    },
  };
}
