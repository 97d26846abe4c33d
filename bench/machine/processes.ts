/**
 * What processes cost, from /proc (Linux): CPU time and memory of a process and everything below it. The kernel's sum of user and
 * system time is exact; its split is sampled. Work that the kernel does for nobody in particular (packets, journal of the file
 * system, writeback) belongs to no process: `machineBusyMs` has it.
 */
import { readFile, readdir } from 'node:fs/promises';

/** One living process. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Name given by the caller, else the kernel's (15 characters). */
  readonly name: string;
  /** User and system time so far, milliseconds. */
  readonly cpuMs: number;
  /** Of children that have ended and were waited for, milliseconds. */
  readonly endedChildrenMs: number;
}

/** Clock ticks of /proc are a hundredth of a second on Linux (proc(5)). */
const tickMs = 10;

/** The process and all that descend from it; empty when it is gone. */
export async function readTree(
  root: number,
  names: ReadonlyMap<number, string> = new Map(),
): Promise<readonly ProcessFacts[]> {
  const all = new Map<number, ProcessFacts>();
  const entries = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const facts = await Promise.all(entries.map((entry) => readProcess(Number(entry), names)));
  for (const each of facts) if (each !== undefined) all.set(each.pid, each);
  const found: ProcessFacts[] = [];
  const wanted = new Set([root]);
  // Children may have lower numbers than their parents once numbers start again, hence the repeated passes.
  for (let size = -1; size !== found.length; ) {
    size = found.length;
    for (const each of all.values()) {
      if (!wanted.has(each.pid) && !wanted.has(each.parent)) continue;
      wanted.add(each.pid);
      found.push(each);
      all.delete(each.pid);
    }
  }
  return found;
}

/** One process; undefined when it is gone. */
async function readProcess(
  pid: number,
  names: ReadonlyMap<number, string>,
): Promise<ProcessFacts | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name stands in brackets and may contain anything.
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    const time = (from: number): number => ((fields[from] ?? 0) + (fields[from + 1] ?? 0)) * tickMs;
    return { pid, parent, name: names.get(pid) ?? name, cpuMs: time(11), endedChildrenMs: time(13) };
  } catch {
    // Ended while we looked.
    return undefined;
  }
}

/** Proportional set size of a process (shared pages counted once among all that share them), MB; 0 when it is gone. */
export async function readPssMb(pid: number): Promise<number> {
  try {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024;
  } catch {
    // Ended while we looked.
    return 0;
  }
}

/** Time that all CPUs of the machine were not idle since boot, milliseconds; steal is not ours and is left out. */
export async function machineBusyMs(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) * tickMs;
}

/** CPU time of children of this very process that have ended, milliseconds. */
export async function endedChildrenMs(): Promise<number> {
  return (await readProcess(process.pid, new Map()))?.endedChildrenMs ?? 0;
}
