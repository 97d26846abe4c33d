/** Asks everybody: presence, shards, streams, the bucket and, when its folder is known, the manifests. */
import { type Bus, listShards } from '@railpost/bus';
import { parseRoot, rootUnitKey } from '@railpost/config';
import type { Presence } from '@railpost/contracts';
import { cleanupConsumer } from '@railpost/contracts';
import { createCompilerCrypto, listPresence, readPlatformKey, readPublishedUnits } from '@railpost/runtime';
import { Complaint } from '../complaint.ts';
import { formatProblem } from '../folder/format-problem.ts';
import { compileFolders } from '../folder/load-folder.ts';
import { type Platform, askShard } from '../platform/open-platform.ts';
import type { ObjectReadiness, PlatformStatus, ShardState } from './platform-status.ts';
import { withReady } from './ready-condition.ts';

/** Gathers the status. Rejects when NATS does not answer. */
export async function gatherStatus(platform: Platform): Promise<PlatformStatus> {
  const { bus, run } = platform;
  const [processes, shards, units] = await Promise.all([
    listPresence(bus),
    gatherShards(bus),
    readPublishedUnits(bus),
  ]);
  const services = processes.filter(({ service }) => service !== 'up');
  const folder = await gatherObjects(platform, services, units);
  const root = units.get(rootUnitKey);
  const { hash = '', revision = 0 } = root === undefined ? {} : parseRoot(root);
  const [incoming, corrupt] = await Promise.all([
    countIncoming(bus),
    countMessages(bus, bus.names.corruptStream),
  ]);
  const sum = (field: 'active' | 'deferred' | 'held') => {
    let total = 0;
    for (const shard of shards) total += shard.statistics?.[field] ?? 0;
    return total;
  };
  const queues = { incoming, active: sum('active'), deferred: sum('deferred'), hold: sum('held'), corrupt };
  return {
    configuration: { root: hash, revision },
    processes,
    shards,
    queues,
    objects: folder.objects,
    problems: [
      ...problemsOfProcesses(processes, run?.processes ?? []),
      ...shards.filter(({ owner }) => owner === '').map(({ shard }) => `shard ${shard} has no owner`),
      ...(corrupt === 0
        ? []
        : [`${corrupt} records in the corrupt queue wait for a human: railpost queue list --queue corrupt`]),
      ...folder.problems,
    ],
  };
}

function problemsOfProcesses(
  processes: readonly Presence[],
  expected: readonly { readonly name: string }[],
): readonly string[] {
  const present = new Set(processes.map(({ name }) => name));
  return [
    ...expected.filter(({ name }) => !present.has(name)).map(({ name }) => `${name} does not answer`),
    ...processes.filter(({ isReady }) => !isReady).map(({ name }) => `${name} is not ready`),
    ...processes.flatMap(({ name, problems }) => problems.map((text) => `${name}: ${text}`)),
  ];
}

async function gatherShards(bus: Bus): Promise<readonly ShardState[]> {
  const shards = await listShards(bus);
  return Promise.all(
    shards.map(async (shard) => {
      try {
        const { owner, epoch, statistics } = await askShard(bus, shard, { operation: 'statistics' });
        return { shard, owner, epoch, ...(statistics === undefined ? {} : { statistics }) };
      } catch (error) {
        if (!(error instanceof Complaint)) throw error;
        return { shard, owner: '', epoch: 0 };
      }
    }),
  );
}

async function gatherObjects(
  { run }: Platform,
  services: readonly Presence[],
  published: ReadonlyMap<string, Uint8Array>,
): Promise<{ readonly objects: readonly ObjectReadiness[]; readonly problems: readonly string[] }> {
  if (run === undefined) return { objects: [], problems: [] };
  const crypto = createCompilerCrypto(await readPlatformKey(run.platformKeyFile));
  const compiled = await compileFolders(run.folders, crypto, published.size === 0 ? undefined : published);
  const folderRoot = compiled.hasErrors ? undefined : compiled.compilation.root?.hash;
  const appliedRoots = services.filter(({ isReady }) => isReady).map((each) => each.configurationRoot);
  return {
    objects: compiled.compilation.statuses.map((object) => withReady(object, { folderRoot, appliedRoots })),
    problems: compiled.problems.filter(({ severity }) => severity === 'error').map(formatProblem),
  };
}

async function countIncoming(bus: Bus): Promise<number> {
  const { num_pending, num_ack_pending } = await bus.manager.consumers.info(
    bus.names.incomingStream,
    cleanupConsumer,
  );
  return num_pending + num_ack_pending;
}

async function countMessages(bus: Bus, stream: string): Promise<number> {
  return (await bus.manager.streams.info(stream)).state.messages;
}
