/**
 * Waiting at start: a process that finds NATS, the spool or the configuration missing waits and says so, instead of
 * crash-looping. Progress lines come at the first failure and every 10 s.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SettingsError } from './errors.ts';
import type { EventLog } from './events/event-log.ts';
import { waiting } from './runtime-events.ts';

const pauseMs = 500;
const sayEveryMs = 10_000;

/** What is waited for. */
export interface WaitOptions {
  /** Words for the log: `NATS at nats://127.0.0.1:4222`. */
  readonly what: string;
  readonly log: EventLog;
  /** Ends the waiting: the promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** States what is waited for, in /health, and that the waiting is over. */
  readonly setProblem?: (text: string | undefined) => void;
}

/**
 * Repeats `attempt` until it resolves. An exception is a reason to wait, whatever it is: at start nothing is at stake.
 * Only a SettingsError passes: waiting does not mend a setting.
 */
export async function waitFor<Value>(options: WaitOptions, attempt: () => Promise<Value>): Promise<Value> {
  let reason = 'no answer yet';
  const say = () => {
    waiting(options.log, { what: options.what, reason });
    options.setProblem?.(`waiting for ${options.what}: ${reason}`);
  };
  // The first line comes soon, then they become rare.
  const first = setTimeout(say, 2000);
  const repeat = setInterval(say, sayEveryMs);
  try {
    for (;;) {
      options.signal.throwIfAborted();
      try {
        return await abortable(attempt(), options.signal);
      } catch (error) {
        options.signal.throwIfAborted();
        if (error instanceof SettingsError) throw error;
        reason = error instanceof Error ? error.message : String(error);
      }
      await sleep(pauseMs, undefined, { signal: options.signal });
    }
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
    options.setProblem?.(undefined);
  }
}

function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
