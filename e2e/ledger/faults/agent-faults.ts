/** Faults of delivery agents: one dies at a moment of chance, or with a 250 that it alone has heard, or loses its connection to NATS. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Arena, kill, pickProcess } from '../arena.ts';

const longestWaitMs = 20_000;
const cutMs = 25_000;

/** kill -9 of an agent in the middle of its deliveries; `railpost up` starts it again. */
export async function killAgent(arena: Arena): Promise<void> {
  const victim = await pickProcess(arena, 'delivery-smtp');
  kill(arena, victim, 'kill -9');
  arena.note(`kill -9 of ${victim.name} (process ${victim.pid})`);
}

/** The layout's crash point kills an agent right after a remote 250; waits until it has happened once more. */
export async function dieAfterReply(arena: Arena): Promise<void> {
  const before = arena.watch.deaths.length;
  for (let waitedMs = 0; arena.watch.deaths.length === before && waitedMs < longestWaitMs; waitedMs += 50)
    await sleep(50);
  const death = arena.watch.deaths.at(-1);
  arena.note(`${death?.name ?? 'nobody'} died after a remote 250`);
}

/** An agent and NATS do not hear each other for 25 s; then the network delivers what it had kept. */
export async function cutAgentOff(arena: Arena): Promise<void> {
  const { natsProxy } = arena.surroundings;
  const { name } = await pickProcess(arena, 'delivery-smtp');
  arena.note(`${name} and NATS are cut from each other for ${cutMs / 1000} s`);
  natsProxy?.cut(name);
  await sleep(cutMs);
  natsProxy?.mend();
}
