/**
 * CPU time by process name over a stretch of time. Looks every 250 ms, so that processes that end in between (Postfix's smtpd after
 * 100 sessions) keep their name; what they used after the last look is told as `ended meanwhile`, from their parent's account.
 */
import { setInterval as every } from 'node:timers/promises';
import { type ProcessFacts, machineBusyMs, readPssMb, readTree } from './processes.ts';

/** What a stretch cost. */
export interface CpuFigures {
  /** Milliseconds of CPU time by name, dearest first. */
  readonly byName: ReadonlyMap<string, number>;
  readonly totalMs: number;
  /** All CPUs of the machine, other people's work included, milliseconds. */
  readonly machineMs: number;
}

/** Ways to name and find what is measured. */
export interface Measured {
  readonly rootPid: number;
  /** Names by process id, asked at each look. */
  readonly names: () => Promise<ReadonlyMap<number, string>>;
}

const periodMs = 250;

/** A running measurement. */
export class CpuMeter {
  readonly #measured: Measured;
  readonly #first = new Map<number, ProcessFacts>();
  readonly #last = new Map<number, ProcessFacts>();
  readonly #stop = new AbortController();
  #startTotalMs = 0;
  #startMachineMs = 0;
  #looking: Promise<void> = Promise.resolve();

  private constructor(measured: Measured) {
    this.#measured = measured;
  }

  /** Starts measuring now. */
  static async start(measured: Measured): Promise<CpuMeter> {
    const meter = new CpuMeter(measured);
    const tree = await readTree(measured.rootPid, await measured.names());
    for (const each of tree) meter.#first.set(each.pid, each);
    meter.#note(tree);
    meter.#startTotalMs = totalOf(tree);
    meter.#startMachineMs = await machineBusyMs();
    meter.#looking = meter.#look();
    return meter;
  }

  /** Ends and tells. */
  async end(): Promise<CpuFigures> {
    this.#stop.abort();
    await this.#looking;
    const machineMs = (await machineBusyMs()) - this.#startMachineMs;
    const tree = await readTree(this.#measured.rootPid, await this.#measured.names());
    this.#note(tree);
    const totalMs = totalOf(tree) - this.#startTotalMs;
    const byName = new Map<string, number>();
    let namedMs = 0;
    for (const { pid, name, cpuMs } of this.#last.values()) {
      const ownMs = cpuMs - (this.#first.get(pid)?.cpuMs ?? 0);
      namedMs += ownMs;
      byName.set(name, (byName.get(name) ?? 0) + ownMs);
    }
    if (totalMs - namedMs > 0) byName.set('ended meanwhile', totalMs - namedMs);
    const sorted = [...byName].toSorted(([, left], [, right]) => right - left);
    return { byName: new Map(sorted), totalMs, machineMs };
  }

  async #look(): Promise<void> {
    try {
      for await (const _ of every(periodMs, undefined, { signal: this.#stop.signal }))
        this.#note(await readTree(this.#measured.rootPid, await this.#measured.names()));
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  #note(tree: readonly ProcessFacts[]): void {
    for (const each of tree) this.#last.set(each.pid, each);
  }
}

function totalOf(tree: readonly ProcessFacts[]): number {
  return tree.reduce((sum, each) => sum + each.cpuMs + each.endedChildrenMs, 0);
}

/** Proportional set size by name, MB, dearest first. */
export async function readMemory(measured: Measured): Promise<ReadonlyMap<string, number>> {
  const tree = await readTree(measured.rootPid, await measured.names());
  const byName = new Map<string, number>();
  for (const { pid, name } of tree) byName.set(name, (byName.get(name) ?? 0) + (await readPssMb(pid)));
  return new Map([...byName].toSorted(([, left], [, right]) => right - left));
}
