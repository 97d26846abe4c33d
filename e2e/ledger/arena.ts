/** What a fault may act upon: the platform, its processes, what stands around it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Platform } from '../support/platform.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { FarEndPorts } from './manifests.ts';
import type { ProcessWatch } from './process-watch.ts';
import { isAlive, signal } from './processes.ts';
import type { Random } from './random.ts';
import type { Surroundings } from './surroundings.ts';

/** Given to each fault. */
export interface Arena {
  readonly platform: Platform;
  readonly watch: ProcessWatch;
  readonly random: Random;
  readonly ports: FarEndPorts;
  readonly surroundings: Surroundings;
  /** Writes a line into the log of the part. */
  note(text: string): void;
}

/** A service that died often is started again after ten seconds, on a busy machine later. */
const comesBackWithinMs = 120_000;

/** Process id of the nats-server of `railpost up`; waits until it lives. */
export function natsPid(arena: Arena): Promise<number> {
  const file = join(arena.platform.data, 'nats', 'pid');
  return waitUntil(
    'a living nats-server',
    async () => {
      const pid = Number((await readFile(file, 'utf8').catch(() => '')).trim());
      return pid > 0 && isAlive(pid) && pid;
    },
    comesBackWithinMs,
  );
}

/** Kills a process as by `kill -9` and writes down that this fault did it. */
export function kill(
  arena: Arena,
  victim: { readonly pid: number; readonly name: string },
  cause: string,
): void {
  arena.watch.announce({ ...victim, cause, isOrderly: false });
  signal(victim.pid, 'SIGKILL');
}

/** A living process of a service chosen by chance (of all services when none is named); it may be about to become ready. */
export async function pickProcess(
  arena: Arena,
  service?: string,
): Promise<{ readonly pid: number; readonly name: string }> {
  const living = await waitUntil(
    `a living ${service ?? 'process'}`,
    async () => {
      const all = await arena.platform.processes().catch(() => []);
      const found = all.filter((each) => service === undefined || each.service === service);
      const alive = found.filter(({ pid }) => pid > 0 && isAlive(pid));
      return alive.length > 0 && alive;
    },
    comesBackWithinMs,
  );
  const { pid, name } = arena.random.pick(living);
  return { pid, name };
}
