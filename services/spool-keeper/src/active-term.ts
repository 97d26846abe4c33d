/**
 * One keeper is active at a time: it holds the lease `keeper` (durability rule 3). While it does, its tasks run; when the lease is
 * lost, or the process stops, their signal aborts. Tasks never lean on the lease for safety, it only spares double work.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lease, type LeaseTerm, openLease } from '@railpost/bus';
import { keeperLeaseKey } from '@railpost/contracts';
import { keeperActive, keeperPassive, leaseProblem, taskFailed } from './events.ts';
import type { KeeperContext, KeeperTask } from './keeper-task.ts';

/** Times, milliseconds. */
export interface TermTiming {
  readonly leaseTtlMs: number;
  /** Pause before a failed task begins again. @default 5000 */
  readonly restartMs?: number;
}

/** The keeper of this process: tries for the lease until it is stopped. */
export class ActiveTerm {
  readonly #context: KeeperContext;
  readonly #timing: TermTiming;
  readonly #tasks: readonly KeeperTask[];
  readonly #lease: Lease;
  readonly #stop = new AbortController();
  #life: Promise<void> | undefined;
  #isActive = false;

  constructor(context: KeeperContext, timing: TermTiming, tasks: readonly KeeperTask[]) {
    this.#context = context;
    this.#timing = timing;
    this.#tasks = tasks;
    const { bus, processName } = context;
    this.#lease = openLease(bus, keeperLeaseKey, processName, { ttlMs: timing.leaseTtlMs });
  }

  /** True while this process holds the lease. */
  get isActive(): boolean {
    return this.#isActive;
  }

  start(): void {
    this.#life ??= this.#live();
  }

  /** Ends the tasks and gives the lease up, so that another keeper goes on at once. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#life;
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    const roundMs = Math.max(200, Math.floor(this.#timing.leaseTtlMs / 15));
    while (!signal.aborted) {
      const term = await this.#tryAcquire();
      if (term !== undefined) await this.#keep(term);
      await pause(roundMs, signal);
    }
  }

  async #tryAcquire(): Promise<LeaseTerm | undefined> {
    try {
      return await this.#lease.tryAcquire();
    } catch (error) {
      leaseProblem(this.#context.log, { error: String(error) });
      return undefined;
    }
  }

  async #keep(term: LeaseTerm): Promise<void> {
    const { log } = this.#context;
    const signal = AbortSignal.any([term.lost, this.#stop.signal]);
    keeperActive(log, { tasks: this.#tasks.map(({ name }) => name) });
    this.#isActive = true;
    const running = this.#tasks.map((task) => this.#run(task, signal));
    await aborted(signal);
    this.#isActive = false;
    await Promise.all(running);
    keeperPassive(log, { cause: this.#stop.signal.aborted ? 'stopping' : 'the lease was lost' });
    await term.release();
  }

  async #run(task: KeeperTask, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        return await task.run(signal);
      } catch (error) {
        if (!signal.aborted) taskFailed(this.#context.log, { task: task.name, error: String(error) });
      }
      await pause(this.#timing.restartMs ?? 5000, signal);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
