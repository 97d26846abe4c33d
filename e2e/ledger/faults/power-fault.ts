/**
 * The power cut: every process stands still at a random instant, the disk is copied as it is, and the platform starts on the copy. What
 * was only in the page cache is not in the copy.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from '../arena.ts';
import { childrenOf, signal } from '../processes.ts';
import { killEverything, startAgain } from './process-faults.ts';

/** Cuts the power once. */
export async function cutPower(arena: Arena): Promise<void> {
  const { platform, surroundings } = arena;
  await sleep(arena.random.between(0, 1500));
  arena.note('power cut');
  for (const pid of [...childrenOf(platform.pid), platform.pid]) signal(pid, 'SIGSTOP');
  await surroundings.image?.copy();
  await killEverything(arena, 'power cut');
  await surroundings.image?.replaceByCopy();
  await startAgain(arena);
}
