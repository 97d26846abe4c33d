/**
 * Runs a service of this repository as a process of its own, as pods do, and reads its event log (JSON lines). For integration tests:
 * crash points, kill -9, drains. Nothing is killed by name; a test run that dies takes its processes with it.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One event as logged. */
export type LoggedEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running service. */
export interface ServiceProcess {
  readonly pid: number;
  /** Every event so far. */
  readonly events: readonly LoggedEvent[];
  /** Resolves when the process has ended, however. */
  readonly exited: Promise<ProcessExit>;
  /** Waits for an event (also one that was logged already). Rejects after the time, or when the process ends without it. */
  waitForEvent(name: string, withinMs?: number): Promise<LoggedEvent>;
  /** SIGTERM; resolves when the process has drained and ended. */
  stop(): Promise<ProcessExit>;
  /** SIGKILL. */
  kill(): Promise<ProcessExit>;
}

/** A machine that runs all tests at once starts processes slowly. */
const readyWithinMs = 120_000;

/** Which service, with which settings. */
export interface ServiceProcessOptions {
  /** Folder below `services/`. */
  readonly service: string;
  /** Flags: `['--nats-url', 'nats://...']`. */
  readonly settings: readonly string[];
  /** Variables beside those that this process has. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a service and waits until it says that it is ready; pass `isReadyAwaited: false` for one that is to fail. */
export async function startServiceProcess(
  options: ServiceProcessOptions & { readonly isReadyAwaited?: boolean },
): Promise<ServiceProcess> {
  const main = fileURLToPath(new URL(`../../../services/${options.service}/src/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [main, ...options.settings], {
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: LoggedEvent[] = [];
  const listeners = new Set<() => void>();
  let rest = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event: unknown = JSON.parse(line);
      events.push(event as LoggedEvent); // the log format of the runtime
    }
    for (const listener of listeners) listener();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4000);
  });
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  let ended: ProcessExit | undefined;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('close', (code, signal) => {
      process.removeListener('exit', onExit);
      ended = { code, signal };
      resolve(ended);
      for (const listener of listeners) listener();
    });
  });

  function end(signal: NodeJS.Signals): Promise<ProcessExit> {
    if (ended === undefined) child.kill(signal);
    return exited;
  }

  function waitForEvent(name: string, withinMs = 20_000): Promise<LoggedEvent> {
    return new Promise((resolve, reject) => {
      const finish = (action: () => void) => {
        clearTimeout(timer);
        listeners.delete(look);
        action();
      };
      const fail = (reason: string) => () => {
        const tail = events.slice(-10).map((each) => JSON.stringify(each));
        reject(new Error(`${options.service}: no event ${name}: ${reason}\n${tail.join('\n')}\n${errors}`));
      };
      const look = () => {
        const found = events.find((each) => each.event === name);
        if (found !== undefined) finish(() => resolve(found));
        else if (ended !== undefined) finish(fail(`it ended with ${ended.code ?? ended.signal}`));
      };
      const timer = setTimeout(() => finish(fail(`not within ${withinMs} ms`)), withinMs);
      listeners.add(look);
      look();
    });
  }

  const service: ServiceProcess = {
    pid: child.pid ?? 0,
    events,
    exited,
    waitForEvent,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
  if (options.isReadyAwaited !== false) {
    try {
      await waitForEvent('ready', readyWithinMs);
    } catch (error) {
      await service.kill();
      throw error;
    }
  }
  return service;
}
