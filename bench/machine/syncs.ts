/**
 * Counts the syncs (fsync, fdatasync, sync_file_range, msync) that processes ask the kernel for. By the kernel's trace points
 * through perf-stat when that is possible (root; costs nothing worth mentioning), else through strace, which slows what it watches.
 * Writes to files opened with O_SYNC are syncs too and not among them: nats-server has two of those in an atomic batch.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { type Measured } from './cpu-meter.ts';
import { readTree } from './processes.ts';

/** A running count. */
export interface SyncCount {
  readonly by: 'perf' | 'strace';
  /** Ends and tells how many. */
  end(): Promise<number>;
}

const calls = ['fsync', 'fdatasync', 'sync_file_range', 'msync'];
const run = promisify(execFile);

/** Starts counting in the processes that live now and their children; undefined when neither tool works here. */
export async function countSyncs(measured: Measured): Promise<SyncCount | undefined> {
  const tree = await readTree(measured.rootPid);
  const pids = tree.map(({ pid }) => pid);
  if (await canTrace()) {
    const events = calls.map((call) => `syscalls:sys_enter_${call}`).join(',');
    return watch('perf', ['stat', '-x', ',', '-e', events, '-p', pids.join(',')], sumOfPerf);
  }
  const strace = await run('strace', ['-V']).catch(() => undefined);
  if (strace === undefined) return undefined;
  const attach = pids.flatMap((pid) => ['-p', String(pid)]);
  return watch('strace', ['-f', '-c', '-e', `trace=${calls.join(',')}`, ...attach], sumOfStrace);
}

async function canTrace(): Promise<boolean> {
  const trial = ['stat', '-e', 'syscalls:sys_enter_fsync', 'true'];
  try {
    await run('perf', trial);
    return true;
  } catch {
    // Trace points are often there and not mounted.
    await run('mount', ['-t', 'tracefs', 'nodev', '/sys/kernel/tracing']).catch(() => undefined);
    return run('perf', trial).then(
      () => true,
      () => false,
    );
  }
}

async function watch(
  by: SyncCount['by'],
  args: readonly string[],
  read: (output: string) => number,
): Promise<SyncCount> {
  const child: ChildProcess = spawn(by, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr?.on('data', (data: Buffer) => {
    output += data.toString('utf8');
  });
  // Neither says when it has attached; a second is ample.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return {
    by,
    async end() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
      return read(output);
    },
  };
}

/** Lines `count,,event,...`; a call that never came is `<not counted>`. */
function sumOfPerf(output: string): number {
  const counts = output.split('\n').map((line) => Number.parseInt(line, 10));
  return counts.filter((count) => Number.isFinite(count)).reduce((sum, count) => sum + count, 0);
}

/** The table of `-c`: `% time, seconds, usecs/call, calls, [errors,] syscall`. */
function sumOfStrace(output: string): number {
  let sum = 0;
  for (const line of output.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (calls.includes(fields.at(-1) ?? '')) sum += Number(fields[3]);
  }
  return sum;
}
