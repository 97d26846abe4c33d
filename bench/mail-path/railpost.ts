/** Starts `railpost up` for a measurement: one MX listener, one Relay domain that leads to the sink; its processes and their memory. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '@railpost/testkit';

/** Memory and CPU time of a process so far. */
export interface ProcessFigures {
  readonly name: string;
  /** Proportional set size, MB. */
  readonly pssMb: number;
  /** User and system time, seconds. */
  readonly cpuSeconds: number;
}

/** A running platform. */
export interface RailpostUnderTest {
  readonly port: number;
  /** Milliseconds from the start of the command to the ready screen. */
  readonly readyMs: number;
  figures(): Promise<ProcessFigures[]>;
  stop(): Promise<void>;
}

/** Starts it. @throws Error with its output when it does not become ready within a minute */
export async function startRailpost(sinkPort: number): Promise<RailpostUnderTest> {
  const root = await mkdtemp(join(tmpdir(), 'railpost-bench-'));
  const [port = 0, free = 0] = await findFreePorts(2);
  await mkdir(join(root, 'manifests'));
  await writeFile(join(root, 'manifests', 'bench.yaml'), manifests(port, sinkPort));
  const main = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
  const startedAt = performance.now();
  const healthPort = String(12_000 + (free % 400) * 50);
  const child = spawn(process.execPath, [
    main,
    'up',
    '-f',
    join(root, 'manifests'),
    '--data',
    join(root, 'var'),
    '--health-port',
    healthPort,
  ]);
  let output = '';
  const take = (data: Buffer): void => {
    output += data.toString('utf8');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  while (!output.includes('Railpost is ready')) {
    if (child.exitCode !== null || performance.now() - startedAt > 60_000)
      throw new Error(`railpost up:\n${output}`);
    await sleep(20);
  }
  return {
    port,
    readyMs: performance.now() - startedAt,
    figures: () => readFigures(join(root, 'var'), child.pid ?? 0),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}

function manifests(port: number, sinkPort: number): string {
  return `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.example.test
  listeners: [{name: mx, port: ${port}, role: MX, limits: {connectionsPerClient: 0}}]
---
apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: sink.test}
spec: {domain: sink.test, class: Relay, recipients: {mode: AcceptAll}}
---
apiVersion: railpost.io/v1alpha1
kind: TransportMap
metadata: {name: sink}
spec:
  routes: [{name: sink, match: {domains: [sink.test]}, nextHop: {smtp: {hosts: [{host: 127.0.0.1, port: ${sinkPort}}]}}}]
`;
}

async function readFigures(data: string, upPid: number): Promise<ProcessFigures[]> {
  const file: { processes: { name: string; pid: number }[] } = JSON.parse(
    await readFile(join(data, 'run.json'), 'utf8'),
  );
  const processes = [...file.processes, { name: 'railpost up', pid: upPid }];
  return Promise.all(
    processes.map(async ({ name, pid }) => ({ name, pssMb: await pssOf(pid), cpuSeconds: await cpuOf(pid) })),
  );
}

async function pssOf(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN) / 1024;
}

async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime in clock ticks, a hundredth of a second on Linux (proc(5)).
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
