/**
 * Starts real nats-server processes for tests: JetStream on, `sync_interval: always` (what production demands), HTTP
 * monitor on, everything on 127.0.0.1 with ephemeral ports, store in a temporary folder.
 * The ports are chosen at the first start and kept by `restart()`, so that clients reconnect by themselves.
 * Fails with the tail of the server's log when it is not ready within 10 s. Nothing is killed by name.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How to start a server. */
export interface NatsServerOptions {
  /** @default true; false writes no `sync_interval: always`, for tests of the health gate */
  readonly syncAlways?: boolean;
  /** Store to use and keep; a temporary one that `stop()` removes when absent. */
  readonly storeDir?: string;
  /** Client port; ephemeral when absent. */
  readonly port?: number;
  /** Name and members of a cluster; see {@link startNatsCluster}. */
  readonly cluster?: { readonly name: string; readonly port: number; readonly routes: readonly number[] };
}

/** A running server. */
export interface NatsServer {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string;
  /** `http://127.0.0.1:<port>` */
  readonly monitorUrl: string;
  readonly storeDir: string;
  /** Process id of the present incarnation. */
  readonly pid: number;
  /** SIGTERM, waits for the exit, removes a temporary store. */
  stop(): Promise<void>;
  /** SIGKILL, waits for the exit; the store stays for `restart()`. */
  kill(): Promise<void>;
  /** SIGSTOP. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Starts again on the same ports and store; kills first when still running. */
  restart(): Promise<void>;
  /** SIGKILL, removes everything that the server holds, starts it again on the same ports. */
  wipe(): Promise<void>;
}

/** Path of nats-server: the repository's cache first (known version), then PATH. @throws Error when there is none */
export function findNatsServer(): string {
  const cached = fileURLToPath(new URL('../../../.cache/bin/nats-server', import.meta.url));
  const candidates = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'nats-server'));
  const found = [cached, ...candidates].find((path) => existsSync(path));
  if (found === undefined) throw new Error('nats-server is neither in .cache/bin nor in PATH');
  return found;
}

/** Starts one server and waits until JetStream answers. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const isTemporary = options.storeDir === undefined;
  const storeDir = options.storeDir ?? (await mkdtemp(join(tmpdir(), 'railpost-nats-')));
  const [freePort, monitorPort] = await findFreePorts(2);
  const port = options.port ?? freePort ?? 0;
  const configPath = join(await mkdtemp(join(tmpdir(), 'railpost-natsconf-')), 'server.conf');
  await writeFile(configPath, configurationOf(options, { port, monitorPort: monitorPort ?? 0, storeDir }));
  const monitorUrl = `http://127.0.0.1:${monitorPort}`;
  let child = await launch(configPath, monitorUrl, options.cluster !== undefined);

  return {
    url: `nats://127.0.0.1:${port}`,
    monitorUrl,
    storeDir,
    get pid() {
      return child.pid ?? 0;
    },
    async stop() {
      child.kill('SIGCONT');
      await end(child, 'SIGTERM');
      await rm(join(configPath, '..'), { recursive: true, force: true });
      if (isTemporary) await rm(storeDir, { recursive: true, force: true });
    },
    async kill() {
      await end(child, 'SIGKILL');
    },
    pause() {
      child.kill('SIGSTOP');
    },
    resume() {
      child.kill('SIGCONT');
    },
    async restart() {
      await end(child, 'SIGKILL');
      child = await launch(configPath, monitorUrl, options.cluster !== undefined);
    },
    async wipe() {
      await end(child, 'SIGKILL');
      await rm(join(storeDir, 'jetstream'), { recursive: true, force: true });
      child = await launch(configPath, monitorUrl, options.cluster !== undefined);
    },
  };
}

/** Starts a cluster of `size` servers and waits until it has a JetStream leader. */
export async function startNatsCluster(size = 3): Promise<readonly NatsServer[]> {
  const routes = await findFreePorts(size);
  const name = `test-${process.pid}-${routes[0]}`;
  const servers = await Promise.all(
    routes.map((port) => startNatsServer({ cluster: { name, port, routes } })),
  );
  return servers;
}

function configurationOf(
  options: NatsServerOptions,
  at: { readonly port: number; readonly monitorPort: number; readonly storeDir: string },
): string {
  const lines = [
    'host: 127.0.0.1',
    `port: ${at.port}`,
    `http: "127.0.0.1:${at.monitorPort}"`,
    `server_name: "n${at.port}"`,
    'jetstream {',
    `  store_dir: "${at.storeDir}"`,
    '  max_memory_store: 64MB',
    '  max_file_store: 64GB',
    ...(options.syncAlways === false ? [] : ['  sync_interval: always']),
    '}',
  ];
  if (options.cluster !== undefined) {
    const { name, port, routes } = options.cluster;
    const urls = routes.map((each) => `"nats://127.0.0.1:${each}"`).join(', ');
    lines.push(`cluster { name: "${name}", listen: "127.0.0.1:${port}", routes: [${urls}] }`);
  }
  return `${lines.join('\n')}\n`;
}

async function launch(configPath: string, monitorUrl: string, isClustered: boolean): Promise<ChildProcess> {
  const logPath = join(configPath, '..', 'server.log');
  const child = spawn(findNatsServer(), ['-c', configPath, '-l', logPath], { stdio: 'ignore' });
  // A test run that dies takes its servers with it.
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  child.once('exit', () => process.removeListener('exit', onExit));
  const deadline = performance.now() + 20_000;
  const path = isClustered ? '/healthz?js-server-only=true' : '/healthz';
  while (performance.now() < deadline && child.exitCode === null) {
    if ((await isHealthy(monitorUrl + path)) && (!isClustered || (await hasMetaLeader(monitorUrl))))
      return child;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  const log = await readFile(logPath, 'utf8').catch(() => '');
  throw new Error(`nats-server did not become ready:\n${log.slice(-2000)}`);
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    // Not listening yet; the caller's loop has the deadline.
    return false;
  }
}

async function hasMetaLeader(monitorUrl: string): Promise<boolean> {
  try {
    const answer: unknown = await (
      await fetch(`${monitorUrl}/jsz`, { signal: AbortSignal.timeout(1000) })
    ).json();
    // A member answers before the others have joined; the name of the leader says that a majority has.
    return JSON.stringify(answer).includes('"leader":"n');
  } catch {
    return false;
  }
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

/**
 * Where ports for servers are looked for: below the ephemeral ports (32768 and up), of which the kernel gives one to each connection
 * and to each server on port 0, so that nobody gets ours before its server has opened it.
 */
const firstPort = 25_000;
const endOfPorts = 32_700;

/** Finds `count` TCP ports of 127.0.0.1 that are free now; all differ. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenSomewhere()));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function listenSomewhere(): Promise<Server> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await listen(randomInt(firstPort, endOfPorts));
    } catch (error) {
      if (tries === 100) throw error;
    }
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
