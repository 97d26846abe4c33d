/** A platform around delivery-smtp: streams, a configuration, a spool, a scripted owner, all under a prefix of its own. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import {
  type DeliveryJob,
  type DeliveryOutcome,
  type DispatchedJob,
  type JobRecipient,
  type NextHop,
  destinationOf,
} from '@railpost/contracts';
import type { BodyRef, ClientFacts } from '@railpost/mail';
import { createCompilerCrypto, publishConfiguration } from '@railpost/runtime';
import { type ObjectStore, type SegmentWriter, openObjectStore, openSegmentWriter } from '@railpost/spool';
import {
  type NatsServer,
  type ScriptedOwner,
  type ServiceProcess,
  startScriptedOwner,
  startServiceProcess,
} from '@railpost/testkit';

/** What a test may choose of the configuration. */
export interface Manifests {
  /** spec.delivery of the MailPlatform. */
  readonly delivery?: Readonly<Record<string, unknown>>;
  /** Secrets by name; all of them are sealed into the configuration, as credentials or CA. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What a test works with. */
export interface Platform {
  readonly owner: ScriptedOwner;
  readonly store: ObjectStore;
  configure(manifests?: Manifests): Promise<void>;
  /** Makes the streams of a generation. */
  makeStreams(generation: number): Promise<void>;
  /** Stores a message in the spool. */
  spool(content: Buffer): Promise<BodyRef>;
  /** Starts delivery-smtp with further settings. */
  start(...settings: readonly string[]): Promise<ServiceProcess>;
  /** Spools, dispatches and waits for the outcome. */
  deliver(content: Buffer, hop: NextHop, more?: JobParts): Promise<DeliveryOutcome>;
  close(): Promise<void>;
}

/** Prepares everything but the service. */
export async function preparePlatform(server: NatsServer): Promise<Platform> {
  const prefix = `ds${randomBytes(4).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'railpost-smtp-'));
  const key = randomBytes(32);
  const keyFile = join(folder, 'platform-key');
  await writeFile(keyFile, key.toString('base64'), { mode: 0o600 });
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix,
    name: 'test',
  });
  const maxBytes = { incoming: 2 ** 26, active: 2 ** 26, defer: 2 ** 26 };
  const makeStreams = (generation: number) => ensureStreams(bus, { shards: 1, generation, maxBytes });
  await makeStreams(1);
  const location = `dir:${folder}/spool`;
  const store = await openObjectStore(location);
  const writer = openSegmentWriter(store);
  const owner = await startScriptedOwner(server.url, prefix);
  const processes: ServiceProcess[] = [];
  return {
    owner,
    store,
    configure: (manifests = {}) => configure(bus, key, manifests),
    makeStreams,
    spool: (content) => spool(writer, content),
    async start(...settings) {
      const service = await startServiceProcess({
        service: 'delivery-smtp',
        settings: [
          ...['--nats-url', server.url, '--nats-monitor-url', server.monitorUrl, '--bus-prefix', prefix],
          ...['--spool', location, '--data', join(folder, 'data'), '--platform-key-file', keyFile],
          ...['--http-port', '0', '--bind-address', '127.0.0.1', '--heartbeat', '500ms'],
          ...['--name', `p${processes.length}`],
          ...settings,
        ],
      });
      processes.push(service);
      return service;
    },
    async deliver(content, hop, more) {
      const job = jobFor(await spool(writer, content), hop, more);
      const reply = await owner.dispatch(hop.transport, [job]);
      if (!reply.accepted.includes(job.job.jobId)) throw new Error('the agent did not take the job');
      return await owner.outcomeOf(job.job.jobId);
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

async function configure(bus: Bus, key: Buffer, { delivery = {}, secrets = {} }: Manifests): Promise<void> {
  const apiVersion = 'railpost.io/v1alpha1';
  const routes = Object.entries(secrets).map(([name, values], index) => ({
    name: `r${index}`,
    match: { domains: [`r${index}.test`] },
    nextHop: {
      smtp:
        'ca.crt' in values
          ? { tls: { mode: 'Verify', caSecretRef: { name } } }
          : { tls: { mode: 'Encrypt' }, credentialsSecretRef: { name } },
    },
  }));
  const values: unknown[] = [
    {
      apiVersion,
      kind: 'MailPlatform',
      metadata: { name: 'main' },
      spec: { hostname: 'mail.example.test', listeners: [{ name: 'mx', port: 2525, role: 'MX' }], delivery },
    },
    ...(routes.length === 0
      ? []
      : [{ apiVersion, kind: 'TransportMap', metadata: { name: 'routes' }, spec: { routes } }]),
    ...Object.entries(secrets).map(([name, stringData]) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      stringData,
    })),
  ];
  const parsed = parseManifests(values.map((value, position) => ({ path: 'test.yaml', position, value })));
  const compiled = compile({ objects: parsed.objects, crypto: createCompilerCrypto(key) });
  const errors = [...parsed.problems, ...compiled.problems].filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(`test manifests are wrong: ${JSON.stringify(errors)}`);
  await publishConfiguration(bus, compiled.units);
}

const client: ClientFacts = {
  listener: 'mx',
  role: 'MX',
  address: '::1',
  port: 1,
  name: 'unknown',
  helo: 'x',
  protocol: 'SMTP',
};

async function spool(writer: SegmentWriter, content: Buffer): Promise<BodyRef> {
  const record = writer.begin();
  for (let start = 0; start < content.length; start += 65_536) {
    const wait = record.write(content.subarray(start, start + 65_536));
    if (wait !== undefined) await wait;
  }
  const end = content.indexOf('\r\n\r\n');
  return record.commit(
    {
      version: 1,
      queueId: '4W2Yb1Fh5z0BCDFG',
      reversePath: 'sender@elsewhere.test',
      recipients: [{ address: 'a@partner.test' }],
      smtputf8: false,
      client,
      receivedAt: '2026-11-21T16:00:00.000Z',
    },
    end === -1 ? content.length : end + 4,
  );
}

/** What a test may choose of a job. */
export interface JobParts extends Partial<Omit<DeliveryJob, 'recipients' | 'content' | 'nextHop'>> {
  /** @default a@partner.test */
  readonly finals?: readonly string[];
  /** Applied to every recipient. */
  readonly recipient?: Partial<JobRecipient>;
}

/** A dispatched job. */
export function jobFor(content: BodyRef, nextHop: NextHop, parts: JobParts = {}): DispatchedJob {
  const { finals = ['a@partner.test'], recipient = {}, ...more } = parts;
  return {
    task: 'deliver',
    tries: 0,
    pending: finals.map((_, index) => index),
    activeAtMs: Date.now(),
    job: {
      version: 1,
      jobId: randomBytes(16).toString('hex'),
      queueId: '4W2Yb1Fh5z0BCDFG',
      attempt: 0,
      nextHop,
      destination: destinationOf(nextHop),
      reversePath: 'sender@elsewhere.test',
      recipients: finals.map((final, orig) => ({
        orig,
        original: final,
        final,
        run: 'r',
        n: 1,
        ...recipient,
      })),
      smtputf8: false,
      content,
      edits: [],
      client,
      messageId: '<1@elsewhere.test>',
      receivedAt: new Date().toISOString(),
      incomingSequence: 1,
      ...more,
    },
  };
}

/** The next hop of one named host. */
export function hostHop(port: number, host = '127.0.0.1'): Extract<NextHop, { transport: 'smtp' }> {
  return { transport: 'smtp', hosts: [{ host, port }] };
}
