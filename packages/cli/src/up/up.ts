/**
 * The story of `railpost up`: check folder, manifests and ports; start NATS; make keys, streams and configuration; start one
 * process per service; watch the folder; stop everything in the order that loses no outcome: first those who take and
 * deliver, then the queue's owner who settles what they report, then NATS.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Bus, connectBus } from '@railpost/bus';
import { type ConfigSnapshot, createSnapshot } from '@railpost/config';
import { createCompilerCrypto, ensurePlatformKey } from '@railpost/runtime';
import { Complaint } from '../complaint.ts';
import { formatProblem } from '../folder/format-problem.ts';
import { FolderLoader } from '../folder/load-folder.ts';
import { type OfflineCompilation, compileOffline } from '../folder/offline.ts';
import { removeRunFile, writeRunFile } from '../platform/run-file.ts';
import { announceSelf } from './announce-self.ts';
import { waitForEarlierRun } from './earlier-run.ts';
import { FolderSource, fingerprintOf } from './folder-source.ts';
import { checkPorts } from './free-ports.ts';
import { lockDataFolder } from './instance-lock.ts';
import type { ManagedProcess } from './managed-process.ts';
import { startNatsChild } from './nats-child.ts';
import { prepareStreams, streamSizesFor } from './prepare-streams.ts';
import { formatReadyScreen } from './ready-screen.ts';
import type { ProcessPlan } from './service-plan.ts';
import { startServices, stopServices } from './services.ts';
import { catchStopSignals } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';
import { type NatsAccess, planOf, platformKeyFileOf, spoolOf, wantedPorts } from './up-plan.ts';
import type { UpSettings } from './up-settings.ts';

/** No step of the end may hold up the others: NATS may be gone by then. */
const undoLimitMs = 1500;
const natsStopMs = 2000;

/** What the steps of the start share. */
interface Start {
  readonly settings: UpSettings;
  /** Absolute path of the data folder. */
  readonly data: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** What to undo, in order of doing. */
  readonly undo: (() => Promise<unknown>)[];
  /** All children, for a second signal. */
  readonly children: ManagedProcess[];
}

/** Runs until SIGINT, SIGTERM or SIGHUP. @throws Complaint when it cannot start */
export async function runPlatform(settings: UpSettings, terminal: Terminal): Promise<void> {
  const startedAt = performance.now();
  const data = resolve(settings.data);
  const children: ManagedProcess[] = [];
  const signals = catchStopSignals(children, terminal);
  const undo: Start['undo'] = [];
  try {
    const lock = await lockDataFolder(data);
    undo.push(() => lock.release());
    const running = await start({ settings, data, terminal, signal: signals.signal, undo, children });
    const seconds = (performance.now() - startedAt) / 1000;
    const { bindAddress: address, portOffset } = settings;
    terminal.show(formatReadyScreen({ ...running, seconds, address, portOffset, data }));
    await signals.stopped;
  } catch (error) {
    if (!signals.signal.aborted) throw error;
  } finally {
    if (signals.signal.aborted) terminal.progress('draining and stopping');
    for (const step of undo.reverse()) await step();
    signals.release();
    if (signals.signal.aborted) terminal.progress('stopped');
  }
}

interface Running {
  readonly plan: readonly ProcessPlan[];
  readonly snapshot: ConfigSnapshot;
  readonly objects: OfflineCompilation['contents']['objects'];
}

async function start(parts: Start): Promise<Running> {
  const { settings, data, terminal, undo } = parts;
  const loader = new FolderLoader();
  // Taken before reading, so that an edit while all this starts is noticed.
  const fingerprint = await fingerprintOf(settings.file);
  const offline = await checkManifests(settings.file, loader, terminal);
  const snapshot = createSnapshot(offline.compilation.units);
  await waitForEarlierRun(data, terminal, parts.signal);
  await mkdir(join(data, 'log'), { recursive: true });
  await mkdir(join(data, 'spool'), { recursive: true });
  const key = await ensurePlatformKey(platformKeyFileOf(data));
  const foreseen = planOf(settings, data, givenNats(settings));
  await checkPorts(settings.bindAddress, wantedPorts(settings, snapshot, foreseen));

  const nats = settings.natsUrl.length > 0 ? givenNats(settings) : await startNats(parts);
  const bus = await openBus(settings, nats);
  undo.push(() => soon(bus.close()));
  const sizes = await streamSizesFor(settings.natsUrl.length > 0 ? undefined : data);
  const { lost } = await prepareStreams({
    ...{ bus, sizes },
    spool: spoolOf(settings, data),
    shards: settings.shards,
  });
  if (lost !== undefined)
    terminal.say('nats', `has lost what it held (${lost}); mail is put back from the spool`);
  const source = new FolderSource({
    bus,
    folders: settings.file,
    loader,
    crypto: createCompilerCrypto(key),
    terminal,
  });
  undo.push(() => soon(source.close()));
  if (!(await source.start({ contents: offline.contents, fingerprint })))
    throw new Complaint('the manifests could not be published');
  const presence = announceSelf(bus, () => source.problems);
  undo.push(() => soon(presence.close()));

  const plan = planOf(settings, data, nats, sizes);
  await startAll(parts, plan, nats);
  return { plan, snapshot, objects: offline.contents.objects };
}

async function checkManifests(
  folders: readonly string[],
  loader: FolderLoader,
  terminal: Terminal,
): Promise<OfflineCompilation> {
  const offline = await compileOffline(folders, loader);
  for (const problem of offline.problems) terminal.say('configuration', formatProblem(problem));
  if (offline.hasStandIn) throw new Complaint(`there is no MailPlatform in ${folders.join(', ')}`);
  if (offline.hasErrors) throw new Complaint('the manifests have errors; nothing was started');
  return offline;
}

function givenNats({ natsUrl, natsMonitorUrl, natsUser, natsPasswordFile }: UpSettings): NatsAccess {
  return { natsUrl, natsMonitorUrl, natsUser, natsPasswordFile };
}

async function startNats(parts: Start): Promise<NatsAccess> {
  parts.terminal.progress('starting nats-server');
  const { url, monitorUrl, user, passwordFile, process } = await startNatsChild({
    ...parts,
    restartPauseMs: parts.settings.restartPause,
  });
  parts.children.push(process);
  parts.undo.push(() => process.stop(natsStopMs));
  return { natsUrl: [url], natsMonitorUrl: [monitorUrl], natsUser: user, natsPasswordFile: passwordFile };
}

function openBus(settings: UpSettings, nats: NatsAccess): Promise<Bus> {
  const { natsUser, natsPasswordFile } = nats;
  return connectBus({
    servers: nats.natsUrl,
    monitorUrls: nats.natsMonitorUrl,
    prefix: settings.busPrefix,
    name: 'railpost up',
    ...(natsUser === undefined ? {} : { user: natsUser }),
    ...(natsPasswordFile === undefined ? {} : { passwordFile: natsPasswordFile }),
  });
}

/** Starts the services and keeps run.json true: it names the living processes from the first one on. */
async function startAll(parts: Start, plan: readonly ProcessPlan[], nats: NatsAccess): Promise<void> {
  const { settings, data, terminal, signal, undo, children } = parts;
  const services: ManagedProcess[] = [];
  const startedAt = new Date().toISOString();
  let written = Promise.resolve();
  const keepRunFile = () => {
    const processes = services.map(({ name, pid }, index) => ({
      service: plan[index]?.service ?? '',
      name,
      pid,
      httpUrl: healthUrl(settings.bindAddress, plan[index]?.httpPort ?? 0),
    }));
    const run = {
      version: 1 as const,
      pid: process.pid,
      startedAt,
      folders: settings.file.map((folder) => resolve(folder)),
      ...{ ...nats, natsUrl: [...nats.natsUrl], natsMonitorUrl: [...nats.natsMonitorUrl] },
      busPrefix: settings.busPrefix,
      spool: spoolOf(settings, data),
      platformKeyFile: platformKeyFileOf(data),
      processes,
    };
    written = written.then(() => writeRunFile(data, run));
  };
  terminal.progress(`starting ${plan.length} processes`);
  undo.push(() => written.then(() => removeRunFile(data)));
  undo.push(() => stopServices(services, terminal));
  await startServices(plan, {
    ...{ data, terminal, signal, bindAddress: settings.bindAddress, onStarted: keepRunFile },
    restartPauseMs: settings.restartPause,
    onCreated(each) {
      services.push(each);
      children.push(each);
    },
  });
}

function healthUrl(bindAddress: string, port: number): string {
  const host = ['0.0.0.0', '::'].includes(bindAddress) ? '127.0.0.1' : bindAddress;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function soon(work: Promise<unknown>): Promise<unknown> {
  const limit = new Promise((done) => {
    setTimeout(done, undoLimitMs).unref();
  });
  return Promise.race([work, limit]);
}
