/**
 * Starts and stops the services. The order at the end: those who take and deliver first, while the queue's owner still
 * settles what they report; an outcome that nobody took would be a second delivery after the next start.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCacheFolder } from '../compile-cache.ts';
import { Complaint } from '../complaint.ts';
import { ManagedProcess } from './managed-process.ts';
import type { ProcessPlan } from './service-plan.ts';
import type { Terminal } from './terminal.ts';
import { waitUntil } from './wait-until.ts';

const readyLimitMs = 60_000;
/** Together below the 20 s that Ctrl-C may take. */
const drainMs = 16_500;
const ownerDrainMs = 2000;

/** What the processes share. */
export interface ServicesParts {
  readonly data: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly bindAddress: string;
}

/**
 * Starts all and waits until each says that it is ready. Adds each to `processes` as it starts, so that the caller can stop
 * them whatever happens. @throws Complaint
 */
export async function startServices(
  plan: readonly ProcessPlan[],
  processes: ManagedProcess[],
  parts: ServicesParts,
): Promise<void> {
  for (const each of plan) {
    await mkdir(join(parts.data, 'process', each.name), { recursive: true, mode: 0o700 });
    const process = makeProcess(each, parts);
    process.start();
    processes.push(process);
  }
  await Promise.all(plan.map((each, index) => waitUntilReady(each, processes[index], parts)));
}

/** Stops all, the queue-managers last. */
export async function stopServices(processes: readonly ManagedProcess[], terminal: Terminal): Promise<void> {
  const owners = processes.filter(({ name }) => name.startsWith('queue-manager'));
  const others = processes.filter((each) => !owners.includes(each));
  await Promise.all(others.map((each) => each.stop(drainMs)));
  await Promise.all(owners.map((each) => each.stop(ownerDrainMs)));
  terminal.progress(`${processes.length} processes stopped`);
}

function makeProcess(plan: ProcessPlan, parts: ServicesParts): ManagedProcess {
  const main = fileURLToPath(new URL(`../../../../services/${plan.service}/src/main.ts`, import.meta.url));
  return new ManagedProcess({
    name: plan.name,
    program: process.execPath,
    arguments: ['--disable-warning=ExperimentalWarning', main, ...plan.arguments],
    logFile: join(parts.data, 'log', `${plan.name}.log`),
    kind: 'service',
    terminal: parts.terminal,
    // Halves the start: Node keeps what it compiled of the last one.
    environment: { NODE_COMPILE_CACHE: compileCacheFolder },
  });
}

async function waitUntilReady(
  plan: ProcessPlan,
  process: ManagedProcess | undefined,
  parts: ServicesParts,
): Promise<void> {
  const log = join(parts.data, 'log', `${plan.name}.log`);
  const host = ['0.0.0.0', '::'].includes(parts.bindAddress) ? '127.0.0.1' : parts.bindAddress;
  const url = `http://${host}:${plan.httpPort}/readyz`;
  const complaint = () => `${plan.name} did not become ready; see ${log}`;
  await waitUntil({ limitMs: readyLimitMs, stepMs: 50, signal: parts.signal, complaint }, () => {
    const deaths = process?.deaths ?? [];
    // A wrong setting does not mend itself; anything else gets three tries.
    if (deaths.includes(78) || deaths.length >= 3)
      throw new Complaint(process?.lastWords.split('\n').at(-1) || complaint());
    return isReady(url);
  });
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    // Not listening yet.
    return false;
  }
}
