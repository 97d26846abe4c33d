/** Waiting for what happens elsewhere: polls until a value is there, and says what it waited for when it is not. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Polls `probe` every 50 ms until it returns something other than undefined or false.
 * @throws Error naming `what` after `withinMs`
 */
export async function waitUntil<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await sleep(50);
  }
}
