/**
 * The nats-server of `railpost up`: a real one, as a child, on loopback. A server that a killed `railpost up` left behind
 * still holds the store and is stopped first.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askHttp } from '@railpost/bus';
import { Complaint } from '../complaint.ts';
import { findFreePort } from './free-ports.ts';
import { ManagedProcess } from './managed-process.ts';
import { formatNatsConfig } from './nats-config.ts';
import { findNatsProgram } from './nats-program.ts';
import { commandLineOf, isAlive } from './processes-of.ts';
import type { Terminal } from './terminal.ts';
import { waitUntil } from './wait-until.ts';

const user = 'railpost';

/** How to reach the server. */
export interface NatsChild {
  readonly url: string;
  readonly monitorUrl: string;
  readonly user: string;
  readonly passwordFile: string;
  readonly process: ManagedProcess;
}

/** What is needed to start it. */
export interface NatsChildOptions {
  /** Absolute path of the data folder. */
  readonly data: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Longest pause before it is started again when it keeps dying. */
  readonly restartPauseMs: number;
}

/** Starts it and waits until JetStream has loaded its store. @throws Complaint */
export async function startNatsChild(options: NatsChildOptions): Promise<NatsChild> {
  const { data, terminal } = options;
  const program = findNatsProgram();
  const folder = join(data, 'nats');
  const configFile = join(folder, 'server.conf');
  await mkdir(join(data, 'log'), { recursive: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await stopLeftBehind(options, configFile);
  const passwordFile = join(folder, 'password');
  const password = await ensurePassword(passwordFile);
  const [port, monitorPort] = [await findFreePort(), await findFreePort()];
  const place = { port, monitorPort, storeDirectory: join(folder, 'store'), user, password };
  await writeFile(configFile, formatNatsConfig(place), { mode: 0o600 });
  const child = new ManagedProcess({
    name: 'nats-server',
    program,
    arguments: ['-c', configFile, '-P', join(folder, 'pid')],
    logFile: join(data, 'log', 'nats-server.log'),
    kind: 'server',
    terminal,
    longestPauseMs: options.restartPauseMs,
  });
  child.start();
  const monitorUrl = `http://127.0.0.1:${monitorPort}`;
  await waitUntilHealthy(child, monitorUrl, options);
  return { url: `nats://127.0.0.1:${port}`, monitorUrl, user, passwordFile, process: child };
}

async function waitUntilHealthy(
  child: ManagedProcess,
  monitorUrl: string,
  { data, signal }: NatsChildOptions,
): Promise<void> {
  const complaint = () => `nats-server did not become ready; see ${join(data, 'log', 'nats-server.log')}`;
  try {
    await waitUntil({ limitMs: 120_000, stepMs: 20, signal, complaint }, () => {
      if (child.deaths.length >= 3) throw new Complaint(complaint());
      return isHealthy(monitorUrl);
    });
  } catch (error) {
    await child.stop(1000);
    throw error;
  }
}

async function isHealthy(monitorUrl: string): Promise<boolean> {
  try {
    return (await askHttp(`${monitorUrl}/healthz`, 1000)).status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}

async function stopLeftBehind(options: NatsChildOptions, configFile: string): Promise<void> {
  const text = await readFile(join(options.data, 'nats', 'pid'), 'utf8').catch(() => '');
  const pid = Number(text.trim());
  if (!(pid > 0) || !isAlive(pid) || !commandLineOf(pid).includes(configFile)) return;
  options.terminal.progress(`stopping the nats-server that an earlier run left behind (process ${pid})`);
  process.kill(pid, 'SIGTERM');
  const request = {
    limitMs: 15_000,
    stepMs: 20,
    signal: options.signal,
    complaint: () => `the nats-server of an earlier run (process ${pid}) does not stop; end it by hand`,
  };
  await waitUntil(request, () => !isAlive(pid));
}

async function ensurePassword(path: string): Promise<string> {
  const existing = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (existing !== '') return existing;
  const password = randomBytes(24).toString('base64url');
  await writeFile(path, `${password}\n`, { mode: 0o600 });
  return password;
}
