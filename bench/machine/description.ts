/** What was measured, on what: CPU, kernel, disk, versions, and what else the machine was doing. */
import { execFile } from 'node:child_process';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { findNatsServer } from '@railpost/testkit';

const run = promisify(execFile);

/** Facts that stand above every table. */
export interface MachineDescription {
  readonly at: string;
  readonly cpus: string;
  readonly memory: string;
  readonly kernel: string;
  /** File system of the folder for temporary files, where queues and spools lie. */
  readonly disk: string;
  readonly node: string;
  readonly natsServer: string;
  readonly postfix: string;
  readonly commit: string;
  /** Load of the last minute when the run began: well above 0 means that rates are not to be trusted. */
  readonly loadBefore: number;
}

/** Gathers them; what cannot be found out is `unknown`. */
export async function describeMachine(): Promise<MachineDescription> {
  const [df, nats, postfix, commit] = await Promise.all([
    firstLine('df', ['--output=fstype,source', tmpdir()], 1),
    firstLine(findNatsServer(), ['--version']),
    firstLine('postconf', ['-h', 'mail_version']),
    firstLine('git', ['-C', import.meta.dirname, 'rev-parse', '--short', 'HEAD']),
  ]);
  return {
    at: new Date().toISOString(),
    cpus: `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    kernel: release(),
    disk: df.replaceAll(/\s+/g, ' ').trim(),
    node: process.version,
    natsServer: nats,
    postfix,
    commit,
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}

/** In one line. */
export function formatMachine(machine: MachineDescription): string {
  const { cpus: cpu, memory, kernel, disk, node, natsServer, postfix, commit, loadBefore } = machine;
  return `${cpu}, ${memory}, Linux ${kernel}, ${disk}; Node ${node}, ${natsServer}, Postfix ${postfix}, commit ${commit}; load before ${loadBefore.toFixed(2)}\n`;
}

async function firstLine(program: string, args: readonly string[], line = 0): Promise<string> {
  try {
    return (await run(program, [...args])).stdout.split('\n')[line]?.trim() ?? 'unknown';
  } catch {
    // Not installed; the figures do not depend on it.
    return 'unknown';
  }
}
