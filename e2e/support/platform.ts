/**
 * A whole platform for a scenario: `railpost up` on manifests, data and ports of its own, exactly as a user starts it. A scenario
 * talks to it by SMTP, the command line, files and signals only.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '@railpost/testkit';
import { readMaildir } from './maildir.ts';
import type { ScenarioPorts } from './manifests.ts';
import { waitUntil } from './wait-until.ts';

const railpost = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

/** What to start. */
export interface PlatformOptions {
  /** File name to YAML. Passwords of the mailboxes: see manifests.ts. */
  manifests(ports: ScenarioPorts): Readonly<Record<string, string>>;
  /** Further arguments of `railpost up`; a function is asked anew when a port was taken. */
  readonly arguments?: readonly string[] | (() => readonly string[]);
  /** Folder for data and manifests, kept at the end; a temporary one by default. */
  readonly folder?: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Result of a command. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One process of the platform. */
export interface PlatformProcess {
  readonly service: string;
  readonly name: string;
  readonly pid: number;
}

/** A running platform. */
export interface Platform {
  readonly ports: ScenarioPorts;
  readonly data: string;
  readonly manifests: string;
  /** Port of the first health server. */
  readonly healthPort: number;
  /** Process id of `railpost up`. */
  readonly pid: number;
  /** What `railpost up` has printed so far. */
  output(): string;
  /** Runs a `railpost` command against it. */
  command(...args: readonly string[]): Promise<CommandResult>;
  /** Its processes at the moment. */
  processes(): Promise<PlatformProcess[]>;
  mailbox(address: string): Promise<Buffer[]>;
  writeManifest(name: string, yaml: string): Promise<void>;
  /** Ctrl-C; resolves with the milliseconds until everything had stopped. */
  stop(): Promise<number>;
  /** kill -9 of `railpost up` and of every process of it. */
  killEverything(): Promise<void>;
  /** Starts again on the same data; resolves with the milliseconds until ready. */
  start(): Promise<number>;
  /** Stops, checks that no invariant was violated, and removes the data. */
  dispose(): Promise<void>;
}

/** Tries with other ports when somebody was faster; scenarios run side by side. */
const attempts = 5;
const portTaken = 'is taken by another program';

/** Starts a platform and waits until it is ready. @throws Error with its output when it is not within a minute */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (attempt === attempts || !String(error).includes(portTaken)) throw error;
    }
  }
}

async function startOnce(options: PlatformOptions): Promise<Platform> {
  const root = options.folder ?? (await mkdtemp(join(tmpdir(), 'railpost-e2e-')));
  const places = { data: join(root, 'var'), manifests: join(root, 'manifests') };
  const [mx = 0, submission = 0, submissions = 0] = await findFreePorts(3);
  const ports = { mx, submission, submissions };
  const healthPort = await findFreeRange();
  await mkdir(places.manifests, { recursive: true });
  // A Dovecot of another user reads the mail below.
  await chmod(root, 0o755);
  for (const [name, yaml] of Object.entries(options.manifests(ports)))
    await writeFile(join(places.manifests, name), yaml);
  const more = typeof options.arguments === 'function' ? options.arguments() : (options.arguments ?? []);
  const run = new Run(
    ['-f', places.manifests, '--data', places.data, '--health-port', String(healthPort), ...more],
    options.environment ?? {},
  );
  await run.start();
  return {
    ...places,
    ports,
    healthPort,
    get pid() {
      return run.pid;
    },
    output: () => run.output,
    command: (...args) => runCommand([...args, ...(needsData(args) ? ['--data', places.data] : [])]),
    processes: () => readProcesses(places.data),
    mailbox: (address) => readMaildir(join(places.data, 'mail'), address),
    writeManifest: (name, yaml) => writeFile(join(places.manifests, name), yaml),
    stop: () => run.stop(),
    async killEverything() {
      const processes = await readProcesses(places.data);
      run.kill();
      for (const { pid } of processes) killIfAlive(pid);
      await run.ended();
    },
    start: () => run.start(),
    async dispose() {
      await run.stop();
      await checkInvariants(join(places.data, 'log'));
      if (options.folder === undefined) await rm(root, { recursive: true, force: true });
    },
  };
}

/** One life of `railpost up`, repeatable. */
class Run {
  readonly #arguments: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  output = '';

  constructor(args: readonly string[], environment: Readonly<Record<string, string>>) {
    this.#arguments = args;
    this.#environment = environment;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<number> {
    const startedAt = performance.now();
    this.output = '';
    const child = spawn(process.execPath, [railpost, 'up', ...this.#arguments], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#environment },
    });
    this.#child = child;
    const take = (data: Buffer): void => {
      this.output += data.toString('utf8');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    await waitUntil(
      'the ready screen',
      () => {
        if (child.exitCode !== null) throw new Error(`railpost up ended:\n${this.output}`);
        return this.output.includes('Railpost is ready');
      },
      60_000,
    ).catch((error: unknown) => {
      child.kill('SIGTERM');
      throw new Error(`railpost up did not become ready:\n${this.output}`, { cause: error });
    });
    return performance.now() - startedAt;
  }

  async stop(): Promise<number> {
    const startedAt = performance.now();
    if (this.#child?.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGINT');
    await this.ended();
    return performance.now() - startedAt;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  async ended(): Promise<void> {
    const child = this.#child;
    await waitUntil(
      'the end of railpost up',
      () => child === undefined || child.exitCode !== null || child.signalCode !== null,
      40_000,
    );
  }
}

/**
 * Whatever a scenario is about, no process may have seen a violation of the invariants of docs/durability.md.
 * @throws Error with the lines of the log that say so
 */
async function checkInvariants(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const lines = (await readFile(join(folder, name), 'utf8')).split('\n');
    const violations = lines.filter((line) => line.includes('invariant') && line.includes('violated'));
    if (violations.length > 0) throw new Error(`${name}:\n${violations.slice(0, 10).join('\n')}`);
  }
}

/** Runs `railpost` once. */
async function runCommand(args: readonly string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [railpost, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => {
    output.stdout += data.toString('utf8');
  });
  child.stderr.on('data', (data: Buffer) => {
    output.stderr += data.toString('utf8');
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...output };
}

function needsData(args: readonly string[]): boolean {
  return ['status', 'queue', 'recover'].includes(args[0] ?? '');
}

async function readProcesses(data: string): Promise<PlatformProcess[]> {
  const file: unknown = JSON.parse(await readFile(join(data, 'run.json'), 'utf8'));
  if (typeof file !== 'object' || file === null || !('processes' in file) || !Array.isArray(file.processes))
    return [];
  return file.processes.map((each: unknown) => processOf(each));
}

function processOf(value: unknown): PlatformProcess {
  const fields = Object.fromEntries(Object.entries(Object(value)));
  return { service: String(fields['service']), name: String(fields['name']), pid: Number(fields['pid']) };
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended by itself.
  }
}

/** A port with forty free ones behind it for health servers; taken from below the range of ephemeral ports. */
async function findFreeRange(): Promise<number> {
  const [seed = 0] = await findFreePorts(1);
  return 12_000 + (seed % 400) * 50;
}
