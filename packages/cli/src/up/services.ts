/**
 * Starts and stops the services. The order at the end: those who take and deliver first, while the queue's owner still
 * settles what they report; an outcome that nobody took would be a second delivery after the next start.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askHttp } from '@railpost/bus';
import { compileCacheFolder } from '../compile-cache.ts';
import { Complaint } from '../complaint.ts';
import { ManagedProcess } from './managed-process.ts';
import type { ProcessPlan } from './service-plan.ts';
import type { Terminal } from './terminal.ts';
import { waitUntil } from './wait-until.ts';

const readyLimitMs = 60_000;
/** Together, and with NATS's 2 s, below the 20 s that Ctrl-C may take. */
const drainMs = 15_000;
const ownerDrainMs = 2000;

/** What the processes share. */
export interface ServicesParts {
  readonly data: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly bindAddress: string;
  /** Longest pause before a process that keeps dying is started again. */
  readonly restartPauseMs: number;
  /** Told of each process before it starts, so that the caller can stop it whatever happens. */
  onCreated(process: ManagedProcess): void;
  /** Told whenever an incarnation of a process has started. */
  onStarted(): void;
}

/** Starts all and waits until each says that it is ready. @throws Complaint */
export async function startServices(plan: readonly ProcessPlan[], parts: ServicesParts): Promise<void> {
  const folders = plan.map(({ name }) => join(parts.data, 'process', name));
  await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  parts.signal.throwIfAborted();
  const processes = plan.map((each) => {
    const process = makeProcess(each, parts);
    parts.onCreated(process);
    process.start();
    return { plan: each, process };
  });
  await Promise.all(processes.map((each) => waitUntilReady(each.plan, each.process, parts)));
}

/** Stops all, the queue-managers last. */
export async function stopServices(processes: readonly ManagedProcess[], terminal: Terminal): Promise<void> {
  const owners = processes.filter(({ name }) => name.startsWith('queue-manager'));
  const others = processes.filter((each) => !owners.includes(each));
  await Promise.all(others.map((each) => each.stop(drainMs)));
  await Promise.all(owners.map((each) => each.stop(ownerDrainMs)));
  terminal.progress(`${processes.length} processes stopped`);
}

/**
 * V8 lets the space for new objects grow with the memory of the machine, to 128 MB in each process. A quarter of it costs no more CPU
 * time per message (measured).
 */
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16'];

/**
 * Who goes through a whole spool reads a million small objects: glibc's malloc keeps the holes that they leave, a fifth of the memory of a
 * recovery. With these settings it gives them back, at a price that only busy processes would notice.
 */
const keeperMalloc = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

function environmentOf(service: string): Readonly<Record<string, string>> {
  return service === 'spool-keeper' ? keeperMalloc : {};
}

function makeProcess(plan: ProcessPlan, parts: ServicesParts): ManagedProcess {
  const main = fileURLToPath(new URL(`../../../../services/${plan.service}/src/main.ts`, import.meta.url));
  return new ManagedProcess({
    name: plan.name,
    program: process.execPath,
    arguments: [...nodeFlags, main, ...plan.arguments],
    logFile: join(parts.data, 'log', `${plan.name}.log`),
    kind: 'service',
    terminal: parts.terminal,
    longestPauseMs: parts.restartPauseMs,
    environment: { NODE_COMPILE_CACHE: compileCacheFolder, ...environmentOf(plan.service) },
    onStarted: () => parts.onStarted(),
  });
}

async function waitUntilReady(
  plan: ProcessPlan,
  process: ManagedProcess,
  parts: ServicesParts,
): Promise<void> {
  const { signal } = parts;
  const log = join(parts.data, 'log', `${plan.name}.log`);
  const host = ['0.0.0.0', '::'].includes(parts.bindAddress) ? '127.0.0.1' : parts.bindAddress;
  const url = `http://${host}:${plan.httpPort}/readyz`;
  const complaint = () => `${plan.name} did not become ready; see ${log}`;
  await waitUntil({ limitMs: readyLimitMs, stepMs: 50, signal, complaint }, () => {
    // A wrong setting does not mend itself; anything else gets three tries.
    if (process.deaths.includes(78) || process.deaths.length >= 3)
      throw new Complaint(process.lastWords.split('\n').at(-1) || complaint());
    return isReady(url);
  });
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await askHttp(url, 1000)).status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}
