/**
 * Starts `railpost up` for a measurement: one MX listener, Relay domains that lead to the sinks. Everything is in a temporary folder
 * on the disk of the system's temporary files, so that a sync there is a sync.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readEnvironment } from '@railpost/runtime';
import type { FarEnds, Platform } from './platform.ts';

/** How to start it. */
export interface RailpostOptions {
  readonly farEnds: FarEnds;
  /** Further arguments of `railpost up`. */
  readonly arguments?: readonly string[];
  /** Fields of the listener beside name, port and limits. @default role: MX */
  readonly listener?: string;
  /** Folder for manifests and data that stays afterwards; a temporary one when absent. */
  readonly folder?: string;
  /** Folder for CPU profiles, one a process, written when they end. */
  readonly profiles?: string;
}

/** A running platform. */
export interface Railpost extends Platform {
  /** Milliseconds from the start of the command to the ready screen. */
  readonly readyMs: number;
  /** The folder given as --data. */
  readonly data: string;
  /** First health port; the processes of the plan follow. */
  readonly healthPort: number;
}

const readyWithinMs = 60_000;

/** Tries with other ports when somebody was faster. */
const portTries = 5;

/** Starts it. @throws Error with its output when it does not become ready within a minute */
export async function startRailpost(options: RailpostOptions): Promise<Railpost> {
  const root = options.folder ?? (await mkdtemp(join(tmpdir(), 'railpost-bench-')));
  for (let left = portTries; ; left -= 1) {
    try {
      return await launch(options, root);
    } catch (error) {
      if (left > 1 && error instanceof PortTakenError) continue;
      if (options.folder === undefined) await rm(root, { recursive: true, force: true });
      throw error;
    }
  }
}

class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

async function launch(options: RailpostOptions, root: string): Promise<Railpost> {
  // Below the ephemeral ports, so that no client of a load has one; further processes are 10 and 1000 above.
  const healthPort = 12_000 + randomInt(80) * 100;
  const port = 20_000 + randomInt(5000);
  const data = join(root, 'var');
  await mkdir(join(root, 'manifests'), { recursive: true });
  await writeFile(join(root, 'manifests', 'bench.yaml'), manifestsOf(options, port));
  const main = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [
      ...[main, 'up', '-f', join(root, 'manifests'), '--data', data, '--health-port', String(healthPort)],
      ...(options.arguments ?? []),
    ],
    { env: await environmentFor(options.profiles), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const onExit = () => child.kill('SIGINT');
  process.once('exit', onExit);
  const ended = once(child, 'exit');
  const readyMs = await waitUntilReady(child).finally(() => {
    if (child.exitCode !== null) process.removeListener('exit', onExit);
  });
  const names = () => namesOf(data, child.pid ?? 0);
  return {
    ...{ name: 'railpost', port, readyMs, data, healthPort, names, rootPid: child.pid ?? 0 },
    async stop() {
      const known = await names();
      process.removeListener('exit', onExit);
      child.kill('SIGINT');
      await ended;
      if (options.profiles !== undefined) await nameProfiles(options.profiles, known);
      if (options.folder === undefined) await rm(root, { recursive: true, force: true });
    },
  };
}

async function environmentFor(profiles: string | undefined): Promise<NodeJS.ProcessEnv> {
  const environment = readEnvironment();
  if (profiles === undefined) return environment;
  await mkdir(profiles, { recursive: true });
  return { ...environment, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` };
}

async function waitUntilReady(child: ChildProcess): Promise<number> {
  const startedAt = performance.now();
  let output = '';
  const take = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-20_000);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  while (!output.includes('Railpost is ready')) {
    if (output.includes('is taken by another program')) throw new PortTakenError(output);
    if (child.exitCode !== null || performance.now() - startedAt > readyWithinMs) {
      child.kill('SIGINT');
      throw new Error(`railpost up did not become ready:\n${output}`);
    }
    await sleep(20);
  }
  return performance.now() - startedAt;
}

function manifestsOf(options: RailpostOptions, port: number): string {
  return `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.example.test
  listeners: [{name: mx, port: ${port}, ${options.listener ?? 'role: MX'}, limits: {connectionsPerClient: 0}}]
---
${[...options.farEnds].map(([domain, port]) => relayTo(domain, port)).join('---\n')}
`;
}

function relayTo(domain: string, port: number): string {
  return `apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: ${domain}}
spec: {domain: ${domain}, class: Relay, recipients: {mode: AcceptAll}}
---
apiVersion: railpost.io/v1alpha1
kind: TransportMap
metadata: {name: ${domain}}
spec:
  routes: [{name: route, match: {domains: [${domain}]}, nextHop: {smtp: {hosts: [{host: 127.0.0.1, port: ${port}}]}}}]
`;
}

/** Names of `railpost up` and of its services, from its run file. */
async function namesOf(data: string, upPid: number): Promise<ReadonlyMap<number, string>> {
  const file: { processes: { name: string; pid: number }[] } = JSON.parse(
    await readFile(join(data, 'run.json'), 'utf8'),
  );
  return new Map([
    [upPid, 'railpost up'],
    ...file.processes.map(({ name, pid }): [number, string] => [pid, name]),
  ]);
}

/** Node names profiles after time and process id; we know what the processes are. */
async function nameProfiles(folder: string, names: ReadonlyMap<number, string>): Promise<void> {
  for (const file of await readdir(folder)) {
    const pid = Number(/^CPU\.\d+\.\d+\.(\d+)\.\d+\.\d+\.cpuprofile$/.exec(file)?.[1] ?? Number.NaN);
    const name = names.get(pid);
    if (name !== undefined)
      await rename(join(folder, file), join(folder, `${name.replace(' ', '-')}.cpuprofile`));
  }
}
