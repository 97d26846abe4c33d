/** Faults of processes: killed, killed all at once, stopped for longer than a lease, restarted in order. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Arena, kill, pickProcess } from '../arena.ts';
import { childrenOf, isAlive, programOf, signal } from '../processes.ts';

const startAttempts = 4;
const stoppedMs = 30_000;

/** kill -9 of a service; `railpost up` starts it again. */
export async function killService(arena: Arena): Promise<void> {
  const victim = await pickProcess(arena);
  kill(arena, victim, 'kill -9');
  arena.note(`kill -9 of ${victim.name} (process ${victim.pid})`);
}

/** kill -9 of `railpost up`, nats-server and every service in the same moment; started again by us. */
export async function everythingDies(arena: Arena): Promise<void> {
  await killEverything(arena, 'kill -9 of everything');
  arena.note('kill -9 of everything');
  await startAgain(arena);
}

/** Kills all processes of the platform, `railpost up` first: it would start the others again. */
export async function killEverything(arena: Arena, cause: string): Promise<void> {
  const { platform, watch } = arena;
  const names = new Map((await platform.processes().catch(() => [])).map(({ pid, name }) => [pid, name]));
  const pids = childrenOf(platform.pid);
  for (const pid of pids)
    watch.announce({ pid, name: names.get(pid) ?? programOf(pid), cause, isOrderly: false });
  signal(platform.pid, 'SIGKILL');
  for (const pid of pids) signal(pid, 'SIGKILL');
  while (pids.some(isAlive)) await sleep(10);
}

/** Starts the platform again; patience with ports that are still in use. */
export async function startAgain(arena: Arena): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await arena.platform.start();
      return;
    } catch (error) {
      arena.note(`the platform did not start: ${String(error)}`);
      if (attempt === startAttempts) throw error;
    }
  }
}

/** SIGSTOP of an owner for 30 s: when it goes on, another has owned its shards for long, and it must write nothing. */
export async function stopOwner(arena: Arena): Promise<void> {
  const { pid, name } = await pickProcess(arena, 'queue-manager');
  arena.note(`SIGSTOP of ${name} (process ${pid}) for ${stoppedMs / 1000} s`);
  signal(pid, 'SIGSTOP');
  await sleep(stoppedMs);
  signal(pid, 'SIGCONT');
}

/** SIGTERM: the service drains and is started again. */
export async function restartService(arena: Arena): Promise<void> {
  const { pid, name } = await pickProcess(arena);
  arena.note(`SIGTERM to ${name} (process ${pid})`);
  arena.watch.announce({ pid, name, cause: 'SIGTERM', isOrderly: true });
  signal(pid, 'SIGTERM');
}
