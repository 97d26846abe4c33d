/** What the processes of the keeper need in tests: streams under a prefix of their own, a published configuration, a spool. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, ensureStreams } from '@railpost/bus';
import { compile, parseManifests } from '@railpost/config';
import { createCompilerCrypto, publishConfiguration } from '@railpost/runtime';
import { type ObjectStore, createGeneration, openObjectStore } from '@railpost/spool';
import { type NatsServer, type ServiceProcess, startServiceProcess } from '@railpost/testkit';

/** Lease TTL of keepers in tests. */
export const leaseTtlMs = 3000;

/** A platform of its own on a NATS server. */
export interface TestPlatform {
  readonly bus: Bus;
  readonly store: ObjectStore;
  /** Starts a keeper; ended with the platform at the latest. */
  startKeeper(flags?: readonly string[], isReadyAwaited?: boolean): Promise<ServiceProcess>;
  close(): Promise<void>;
}

/** Opens a platform with a spool of generation 1. @param location of the spool; a directory by default */
export async function openPlatform(server: NatsServer, location?: string): Promise<TestPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-keeper-'));
  const spool = location ?? `dir:${join(folder, 'spool')}`;
  const bus = await connectBus({
    servers: [server.url],
    monitorUrls: [server.monitorUrl],
    prefix: `t-${randomUUID().slice(0, 8)}`,
    name: 'test',
  });
  // JetStream reserves max_bytes; many platforms share the test server.
  const maxBytes = { incoming: 2 ** 26, active: 2 ** 26, defer: 2 ** 26 };
  await ensureStreams(bus, { shards: 1, generation: 1, maxBytes });
  await configure(bus);
  const store = await openObjectStore(spool);
  await createGeneration(store, 1);
  const keepers: ServiceProcess[] = [];
  return {
    bus,
    store,
    async startKeeper(flags = [], isReadyAwaited = true) {
      const settings = {
        'nats-url': server.url,
        'nats-monitor-url': server.monitorUrl,
        'bus-prefix': bus.names.prefix,
        spool,
        data: join(folder, randomUUID()),
        'http-port': '0',
        'bind-address': '127.0.0.1',
        name: `k-${randomUUID().slice(0, 8)}`,
        'lease-ttl': `${leaseTtlMs}ms`,
        'garbage-after': '400ms',
        'garbage-every': '100ms',
        'journal-keep': '2s',
      };
      const common = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
      const keeper = await startServiceProcess({
        service: 'spool-keeper',
        settings: [...common, ...flags],
        isReadyAwaited,
      });
      keepers.push(keeper);
      return keeper;
    },
    async close() {
      for (const keeper of keepers) await keeper.kill();
      for await (const name of bus.manager.streams.names())
        if (name.includes(bus.names.prefix)) await bus.manager.streams.delete(name);
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
  const { objects, problems } = parseManifests([{ path: 'test.json', position: 0, value }]);
  const compiled = compile({ objects, crypto: createCompilerCrypto(randomBytes(32)) });
  const errors = [...problems, ...compiled.problems].filter((each) => each.severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  await publishConfiguration(bus, compiled.units);
}
