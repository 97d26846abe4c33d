/** Faults of NATS and its data: killed, wiped, replaced by an older copy, full, and in a cluster a server that dies or stands still. */
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsServer } from '@railpost/testkit';
import { type Arena, kill, natsPid } from '../arena.ts';
import { isAlive, signal } from '../processes.ts';

const copyAgeMs = 6000;
const fullMs = 8000;
const leaderStoppedMs = 12_000;

/** kill -9 of nats-server; `railpost up` starts it again. */
export async function killNats(arena: Arena): Promise<void> {
  const pid = await natsPid(arena);
  kill(arena, { pid, name: 'nats-server' }, 'kill -9');
  arena.note(`kill -9 of nats-server (process ${pid})`);
  await natsPid(arena);
}

/** NATS stops, its data are deleted, it starts with nothing. */
export async function wipeNats(arena: Arena): Promise<void> {
  arena.note('the data of NATS are deleted');
  await withNatsDown(arena, () => emptyFolder(storeOf(arena)));
}

/** NATS stops and starts with the data of a moment ago: what was stored since then is gone, what was deleted is back. */
export async function restoreOldNats(arena: Arena): Promise<void> {
  const copy = join(arena.platform.data, 'old-nats');
  const pid = await natsPid(arena);
  signal(pid, 'SIGSTOP');
  await rm(copy, { recursive: true, force: true });
  await cp(storeOf(arena), copy, { recursive: true });
  signal(pid, 'SIGCONT');
  await sleep(copyAgeMs);
  arena.note(`the data of NATS are replaced by a copy ${copyAgeMs / 1000} s old`);
  await withNatsDown(arena, async () => {
    await emptyFolder(storeOf(arena));
    await cp(copy, storeOf(arena), { recursive: true });
  });
}

/** The disk of NATS is full for a while. It refuses writes until it is started again (a sticky error), as an operator would do then. */
export async function fillNatsDisk(arena: Arena): Promise<void> {
  const disk = arena.surroundings.disks?.nats;
  arena.note(`the disk of NATS is full for ${fullMs / 1000} s`);
  await disk?.fill();
  await sleep(fullMs);
  await disk?.empty();
  await killNats(arena);
}

/** kill -9 of one server of three. */
export async function killClusterNode(arena: Arena): Promise<void> {
  const server = pickServer(arena);
  arena.note(`kill -9 of the NATS server ${server.url}`);
  await server.kill();
  await sleep(arena.random.between(500, 5000));
  await server.restart();
}

/** The server that leads INCOMING stands still for a while. */
export async function stopClusterLeader(arena: Arena): Promise<void> {
  const server = await leaderOf(arena, 'rp_INCOMING');
  arena.note(`SIGSTOP of the NATS server ${server.url} for ${leaderStoppedMs / 1000} s: it leads INCOMING`);
  server.pause();
  await sleep(leaderStoppedMs);
  server.resume();
}

function pickServer(arena: Arena): NatsServer {
  return arena.random.pick(arena.surroundings.cluster ?? []);
}

/** By the server's monitor; any server when nobody says who leads. */
async function leaderOf(arena: Arena, stream: string): Promise<NatsServer> {
  for (const server of arena.surroundings.cluster ?? []) {
    const url = `${server.monitorUrl}/jsz?accounts=true&streams=true`;
    const text = await fetch(url, { signal: AbortSignal.timeout(1000) }).then(
      (answer) => answer.text(),
      () => '',
    );
    const leader = new RegExp(`"name": "${stream}",[^]*?"leader": "n(\\d+)"`).exec(text)?.[1];
    const found = arena.surroundings.cluster?.find(({ url: each }) => each.endsWith(`:${leader}`));
    if (found !== undefined) return found;
  }
  return pickServer(arena);
}

/** `railpost up` stands still meanwhile, so that it does not start NATS again before we are done. */
async function withNatsDown(arena: Arena, action: () => Promise<void>): Promise<void> {
  const pid = await natsPid(arena);
  signal(arena.platform.pid, 'SIGSTOP');
  try {
    kill(arena, { pid, name: 'nats-server' }, 'killed by the ledger');
    while (isAlive(pid)) await sleep(10);
    await action();
  } finally {
    signal(arena.platform.pid, 'SIGCONT');
  }
  await natsPid(arena);
}

function storeOf(arena: Arena): string {
  return join(arena.platform.data, 'nats', 'store');
}

async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
}
