/**
 * Starts a real S3 server for tests: versitygw on a temporary folder (it stores atomically and honours `If-None-Match: *`, but it
 * does not fsync: nothing here may claim to survive a power loss). Buckets are made per test. The port is kept by `restart()`.
 * Fails with the tail of the server's output when it is not ready within 20 s.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { findFreePorts } from './nats-server.ts';

/** A running server. */
export interface S3Server {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly pid: number;
  /** Makes the bucket when it is new and returns a spool location with endpoint and credentials file. */
  location(bucket: string, prefix?: string): Promise<string>;
  /** SIGKILL; what is stored stays for `restart()`. */
  kill(): Promise<void>;
  /** SIGSTOP: requests stay without an answer. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Starts again on the same port and folder. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

const credentials = { accessKeyId: 'railpost-test', secretAccessKey: 'railpost-test-secret' };
const readyWithinMs = 20_000;

/** Path of versitygw: the repository's cache first, then PATH. @throws Error when there is none */
export function findS3Server(): string {
  const cached = fileURLToPath(new URL('../../../.cache/bin/versitygw', import.meta.url));
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'versitygw'));
  const found = [cached, ...candidates].find((path) => existsSync(path));
  if (found === undefined) throw new Error('versitygw is neither in .cache/bin nor in PATH');
  return found;
}

/** How to start a server. */
export interface S3ServerOptions {
  /** File that gets a line for each request. */
  readonly accessLog?: string;
}

/** Starts a server and waits until it answers. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-s3-'));
  const data = join(folder, 'data');
  await mkdir(data);
  const credentialsFile = join(folder, 'credentials');
  await writeFile(
    credentialsFile,
    `[default]\naws_access_key_id = ${credentials.accessKeyId}\naws_secret_access_key = ${credentials.secretAccessKey}\n`,
    { mode: 0o600 },
  );
  const [port = 0] = await findFreePorts(1);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true });
  const buckets = new Set<string>();
  let child = await launch(port, data, options);

  return {
    endpoint,
    credentials,
    get pid() {
      return child.pid ?? 0;
    },
    async location(bucket, prefix = '') {
      if (!buckets.has(bucket)) await client.send(new CreateBucketCommand({ Bucket: bucket }));
      buckets.add(bucket);
      return `s3://${bucket}/${prefix}?endpoint=${endpoint}&region=us-east-1&credentials=${credentialsFile}`;
    },
    kill: () => end(child, 'SIGKILL'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async restart() {
      await end(child, 'SIGKILL');
      child = await launch(port, data, options);
    },
    async stop() {
      child.kill('SIGCONT');
      await end(child, 'SIGTERM');
      client.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(port: number, data: string, options: S3ServerOptions): Promise<ChildProcess> {
  const accessLog = options.accessLog === undefined ? [] : ['--access-log', options.accessLog];
  const child = spawn(
    findS3Server(),
    ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', ...accessLog, 'posix', data],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
    },
  );
  let output = '';
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-2000);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  // A test run that dies takes its servers with it.
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  child.once('exit', () => process.removeListener('exit', onExit));
  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline && child.exitCode === null) {
    if (await isListening(port)) return child;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  throw new Error(`versitygw did not become ready:\n${output}`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
