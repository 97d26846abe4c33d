/**
 * Processes that stand still by SIGSTOP at a crash point (`--stop-at`): waiting until one does, and letting it go on. Reads the
 * state from /proc, so this runs on Linux only.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const askEveryMs = 20;

/** Resolves when the process stands still. @throws Error after `withinMs`, or when the process is gone */
export async function untilStopped(pid: number, withinMs = 120_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (stateOf(pid) !== 'T') {
    if (performance.now() > deadline)
      throw new Error(`process ${pid} did not come to its stop in ${withinMs} ms`);
    await sleep(askEveryMs);
  }
}

/** SIGCONT: the process goes on at the line where it stopped. */
export function resumeProcess(pid: number): void {
  process.kill(pid, 'SIGCONT');
}

/** The letter of proc(5): `T` is stopped. @throws Error when there is no such process */
function stateOf(pid: number): string {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may contain anything; the state follows the last parenthesis.
  return text.charAt(text.lastIndexOf(')') + 2);
}
