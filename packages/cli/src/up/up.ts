/**
 * The story of `railpost up`: check folder, manifests and ports; start NATS; make keys, streams and configuration; start one
 * process per service; watch the folder; stop everything in the order that loses no outcome: first those who take and
 * deliver, then the queue's owner who settles what they report, then NATS.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { connectBus } from '@railpost/bus';
import { createSnapshot } from '@railpost/config';
import { EventLog, createCompilerCrypto, ensurePlatformKey, openPresence, release } from '@railpost/runtime';
import { Complaint } from '../complaint.ts';
import { formatProblem } from '../folder/format-problem.ts';
import { type OfflineCompilation, compileOffline } from '../folder/offline.ts';
import { readRunFile, removeRunFile, writeRunFile } from '../platform/run-file.ts';
import { FolderSource } from './folder-source.ts';
import { type WantedPort, checkPorts } from './free-ports.ts';
import { lockDataFolder } from './instance-lock.ts';
import type { ManagedProcess } from './managed-process.ts';
import { startNatsChild } from './nats-child.ts';
import { prepareStreams } from './prepare-streams.ts';
import { commandLineOf, isAlive } from './processes-of.ts';
import { formatReadyScreen } from './ready-screen.ts';
import { startServices, stopServices } from './services.ts';
import {
  type PlanFacts,
  type ProcessPlan,
  parseExtraSettings,
  parseReplicas,
  planProcesses,
  portStep,
} from './service-plan.ts';
import type { Terminal } from './terminal.ts';
import type { UpSettings } from './up-settings.ts';
import { waitUntil } from './wait-until.ts';

/** Things to undo, last first. */
type Undo = () => Promise<void>;

/** Runs until SIGINT or SIGTERM. @throws Complaint when it cannot start */
export async function runPlatform(settings: UpSettings, terminal: Terminal): Promise<void> {
  const startedAt = performance.now();
  const data = resolve(settings.data);
  const stopping = new AbortController();
  const services: ManagedProcess[] = [];
  const undo: Undo[] = [];
  const signals = catchSignals(stopping, services, terminal);
  try {
    const lock = await lockDataFolder(data);
    undo.push(() => lock.release());
    const started = await start(settings, { data, terminal, signal: stopping.signal, undo, services });
    terminal.show(
      formatReadyScreen({
        seconds: (performance.now() - startedAt) / 1000,
        address: settings.bindAddress,
        portOffset: settings.portOffset,
        snapshot: createSnapshot(started.offline.compilation.units),
        objects: started.offline.contents.objects,
        plan: started.plan,
        data,
      }),
    );
    await aborted(stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    if (stopping.signal.aborted) terminal.progress('draining and stopping');
    for (const step of undo.reverse()) await step();
    signals.release();
    if (stopping.signal.aborted) terminal.progress('stopped');
  }
}

interface StartParts {
  readonly data: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly undo: Undo[];
  readonly services: ManagedProcess[];
}

async function start(
  settings: UpSettings,
  parts: StartParts,
): Promise<{ readonly plan: readonly ProcessPlan[]; readonly offline: OfflineCompilation }> {
  const { data, terminal, signal, undo } = parts;
  const replicas = parseReplicas(settings.replicas);
  const extra = parseExtraSettings(settings.set);
  const offline = await checkManifests(settings.file, terminal);
  await waitForEarlierRun(data, terminal, signal);
  await mkdir(join(data, 'log'), { recursive: true });
  await mkdir(join(data, 'spool'), { recursive: true });
  const platformKeyFile = join(data, 'platform.key');
  const key = await ensurePlatformKey(platformKeyFile);
  const facts = { settings, data, platformKeyFile, replicas, extra };
  await checkPorts(settings.bindAddress, wantedPorts(offline, planWith(facts, noNats), settings));

  const nats = await openNats(settings, parts);
  const plan = planWith(facts, nats);
  const bus = await connectBus({
    servers: nats.natsUrl,
    monitorUrls: nats.natsMonitorUrl,
    prefix: settings.busPrefix,
    name: 'railpost up',
    ...(nats.natsUser === undefined ? {} : { user: nats.natsUser }),
    ...(nats.natsPasswordFile === undefined ? {} : { passwordFile: nats.natsPasswordFile }),
  });
  undo.push(() => bus.close());
  const spool = spoolOf(settings, data);
  const natsFolder = settings.natsUrl.length > 0 ? undefined : data;
  await prepareStreams({ bus, spool, shards: settings.shards, natsFolder });
  const source = new FolderSource({
    bus,
    folders: settings.file,
    crypto: createCompilerCrypto(key),
    terminal,
  });
  undo.push(() => source.close());
  if (!(await source.start()))
    throw new Complaint('the manifests changed while starting and have errors now');
  const presence = announceSelf(bus, () => source.problems);
  undo.push(() => presence.close());

  terminal.progress(`starting ${plan.length} processes`);
  undo.push(() => stopServices(parts.services, terminal));
  await startServices(plan, parts.services, { data, terminal, signal, bindAddress: settings.bindAddress });
  await writeRunFile(data, {
    version: 1,
    pid: process.pid,
    startedAt: new Date().toISOString(),
    folders: settings.file.map((folder) => resolve(folder)),
    natsUrl: [...nats.natsUrl],
    natsMonitorUrl: [...nats.natsMonitorUrl],
    natsUser: nats.natsUser,
    natsPasswordFile: nats.natsPasswordFile,
    busPrefix: settings.busPrefix,
    spool,
    platformKeyFile,
    processes: plan.map(({ service, name }, index) => ({
      service,
      name,
      pid: parts.services[index]?.pid ?? 0,
    })),
  });
  undo.push(() => removeRunFile(data));
  return { plan, offline };
}

type NatsFacts = Pick<PlanFacts, 'natsUrl' | 'natsMonitorUrl' | 'natsUser' | 'natsPasswordFile'>;

const noNats: NatsFacts = {
  natsUrl: [],
  natsMonitorUrl: [],
  natsUser: undefined,
  natsPasswordFile: undefined,
};

async function openNats(settings: UpSettings, parts: StartParts): Promise<NatsFacts> {
  if (settings.natsUrl.length > 0) {
    const { natsUrl, natsMonitorUrl, natsUser, natsPasswordFile } = settings;
    return { natsUrl, natsMonitorUrl, natsUser, natsPasswordFile };
  }
  parts.terminal.progress('starting nats-server');
  const child = await startNatsChild(parts);
  parts.undo.push(() => child.process.stop(3000));
  return {
    natsUrl: [child.url],
    natsMonitorUrl: [child.monitorUrl],
    natsUser: child.user,
    natsPasswordFile: child.passwordFile,
  };
}

function planWith(
  facts: Pick<PlanFacts, 'data' | 'platformKeyFile' | 'replicas' | 'extra'> & {
    readonly settings: UpSettings;
  },
  nats: NatsFacts,
): readonly ProcessPlan[] {
  const { settings, data, platformKeyFile, replicas } = facts;
  const extra = new Map(facts.extra);
  if (settings.dnsServers.length > 0)
    extra.set('delivery-smtp', [
      ...['--dns-servers', settings.dnsServers.join(',')],
      ...(extra.get('delivery-smtp') ?? []),
    ]);
  const { busPrefix, bindAddress, logFormat, logLevel, shards, portOffset, healthPort } = settings;
  const common = { busPrefix, bindAddress, logFormat, logLevel, shards, portOffset, healthPort };
  return planProcesses({
    ...{ ...common, ...nats, data, platformKeyFile, replicas, extra },
    spool: spoolOf(settings, data),
  });
}

function spoolOf(settings: UpSettings, data: string): string {
  return settings.spool ?? `dir:${join(data, 'spool')}`;
}

async function checkManifests(folders: readonly string[], terminal: Terminal): Promise<OfflineCompilation> {
  const offline = await compileOffline(folders);
  for (const problem of offline.problems) terminal.say('configuration', formatProblem(problem));
  if (offline.hasStandIn) throw new Complaint(`there is no MailPlatform in ${folders.join(', ')}`);
  if (offline.hasErrors) throw new Complaint('the manifests have errors; nothing was started');
  return offline;
}

function wantedPorts(
  offline: OfflineCompilation,
  plan: readonly ProcessPlan[],
  settings: UpSettings,
): readonly WantedPort[] {
  const { listeners } = createSnapshot(offline.compilation.units).platform;
  const ingress = plan.filter(({ service }) => service === 'smtp-ingress');
  const smtp = ingress.flatMap((each, index) =>
    listeners.map((listener) => ({
      port: listener.port + settings.portOffset + index * portStep,
      use: `listener ${listener.name} of the MailPlatform, ${each.name}`,
      setting: 'spec.listeners of the MailPlatform, or --port-offset',
    })),
  );
  const health = plan.map(({ httpPort, name }) => ({
    port: httpPort,
    use: `health of ${name}`,
    setting: '--health-port',
  }));
  return [...smtp, ...health];
}

/** Services of a killed run drain by themselves (their IPC channel broke); their ports and leases are free only then. */
async function waitForEarlierRun(data: string, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const earlier = await readRunFile(data);
  const left = () =>
    (earlier?.processes ?? []).filter(
      ({ pid, name }) => pid > 0 && isAlive(pid) && commandLineOf(pid).includes(name),
    );
  if (left().length > 0) {
    terminal.progress(`waiting for ${left().length} processes of an earlier run to stop`);
    const complaint = () =>
      `processes of an earlier run do not stop: ${left()
        .map(({ pid, name }) => `${name} (${pid})`)
        .join(', ')}`;
    await waitUntil({ limitMs: 25_000, stepMs: 100, signal, complaint }, () => left().length === 0);
  }
  await removeRunFile(data);
}

/** `railpost up` is a process of the platform too: `status` shows what is wrong with the folder. */
function announceSelf(
  bus: Awaited<ReturnType<typeof connectBus>>,
  problems: () => readonly string[],
): { close(): Promise<void> } {
  const startedAt = new Date().toISOString();
  const log = new EventLog({
    service: 'up',
    processName: 'up',
    format: 'json',
    level: 'error',
    write: () => undefined,
  });
  const presence = openPresence({
    bus,
    log,
    ttlMs: 15_000,
    describe: () => ({
      service: 'up',
      name: 'up',
      release,
      startedAt,
      isReady: true,
      configurationRoot: '',
      httpUrl: '',
      problems: [...problems()],
    }),
  });
  void presence.refresh();
  return presence;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

function catchSignals(
  stopping: AbortController,
  services: readonly ManagedProcess[],
  terminal: Terminal,
): { release(): void } {
  function onSignal(): void {
    if (!stopping.signal.aborted) {
      stopping.abort(new Error('told to stop'));
      return;
    }
    terminal.progress('second signal: ending everything at once');
    for (const each of services) each.kill();
    process.exit(130);
  }
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  return {
    release() {
      process.removeListener('SIGINT', onSignal);
      process.removeListener('SIGTERM', onSignal);
      process.removeListener('SIGHUP', onSignal);
    },
  };
}
