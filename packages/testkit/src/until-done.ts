/** Repeats an action until it works: a server that was killed a moment ago, or a client that is connecting again, is no failure of a test. */
import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 100;

/** Resolves with what the action gives. @throws what its last try threw, after `withinMs` */
export async function untilDone<Result>(action: () => Promise<Result>, withinMs = 60_000): Promise<Result> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(pauseMs);
  }
}
