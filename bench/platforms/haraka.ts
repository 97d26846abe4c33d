/**
 * Haraka for a measurement, as a relay with its own outbound queue (its `queue/smtp_forward` would be a proxy, not a queue) and a
 * fixed route to each sink; one worker per CPU, no
 * reverse lookups (Postfix finds this machine's name in /etc/hosts, Haraka would ask a name server), everything else as it comes. Installed on first use into a folder of its own.
 *
 * What it keeps: each message is a file in its queue folder, synced before the 250 (`FsyncWriteStream`), then renamed; the folder is
 * never synced, so that a power loss may lose the name. A delivered message is unlinked.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '@railpost/testkit';
import type { FarEnds, Platform } from './platform.ts';

const folder = fileURLToPath(new URL('../relay/haraka', import.meta.url));
const program = join(folder, 'node_modules', 'Haraka', 'bin', 'haraka');
const readyWithinMs = 30_000;

/** Starts it. @throws Error with the end of its log when it does not answer */
export async function startHaraka(farEnds: FarEnds): Promise<Platform> {
  if (!existsSync(program)) await install();
  const root = await mkdtemp(join(tmpdir(), 'railpost-haraka-'));
  const [port = 0] = await findFreePorts(1);
  await configure(root, port, farEnds);
  const logFile = join(root, 'haraka.log');
  const log = await open(logFile, 'a');
  const child = spawn(process.execPath, [program, '-c', root], {
    stdio: ['ignore', log.fd, log.fd],
    cwd: root,
  });
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  const deadline = performance.now() + readyWithinMs;
  while (!(await greets(port))) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`Haraka did not answer:\n${(await readFile(logFile, 'utf8')).slice(-2000)}`);
    await sleep(50);
  }
  const rootPid = child.pid ?? 0;
  return {
    ...{ name: 'haraka', port, rootPid },
    names: () => Promise.resolve(new Map()),
    async stop() {
      process.removeListener('exit', onExit);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      // It waits up to 30 s for connections; there is nothing left to wait for.
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await ended;
      clearTimeout(timer);
      await log.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function configure(root: string, port: number, farEnds: FarEnds): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    'config/me': 'haraka.example.test\n',
    'config/smtp.ini': `listen=127.0.0.1:${port}\nnodes=cpus\n`,
    'config/outbound.ini': 'enable_tls=false\nlocal_mx_ok=true\n',
    'config/plugins': 'fixed_route\n',
    'plugins/fixed_route.js': `'use strict';
exports.hook_connect = (next, connection) => {
  connection.relaying = true;
  next();
};
exports.hook_lookup_rdns = (next) => next(OK, 'localhost');
exports.hook_rcpt = (next) => next(OK);
const ports = ${JSON.stringify(Object.fromEntries(farEnds))};
exports.hook_get_mx = (next, mail, domain) => next(OK, { priority: 0, exchange: '127.0.0.1', port: ports[domain] });
`,
  };
  // What `haraka -i` does.
  await cp(join(folder, 'node_modules', 'Haraka', 'config'), join(root, 'config'), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await mkdir(join(root, 'queue'));
}

/** npm shows its own progress. */
async function install(): Promise<void> {
  process.stderr.write('bench: installing Haraka 3.3.3 into bench/relay/haraka (once, about 50 MB)\n');
  const npm = spawn(
    'npm',
    ['install', '--no-audit', '--no-fund', '--no-package-lock', '--workspaces=false'],
    {
      cwd: folder,
      stdio: ['ignore', 2, 2],
    },
  );
  const code = await new Promise((resolve, reject) => {
    npm.once('error', reject);
    npm.once('exit', resolve);
  });
  if (code !== 0 || !existsSync(program))
    throw new Error('npm could not install Haraka; leave it out with --mta railpost,postfix');
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const done = (isGreeting: boolean): void => {
      socket.destroy();
      resolve(isGreeting);
    };
    socket.setTimeout(2000, () => done(false));
    socket.once('data', (data) => done(data.toString('latin1').startsWith('220')));
    socket.once('error', () => done(false));
  });
}
