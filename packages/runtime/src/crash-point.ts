/**
 * Crash points: named places where a test makes the process die as by `kill -9`, or stand still as by SIGSTOP (durability.md,
 * "Crash points"). Switched on by `--crash-at NAME[:nth]` and `--stop-at NAME[:nth]` only; otherwise passing one costs a
 * comparison. A process that stood still goes on at that very line when the test sends SIGCONT.
 */

/** Called at a named place; does not return when `--crash-at` names it for the nth time. */
export type CrashPoint = (name: string) => void;

/** What a test switched on. */
export interface CrashPointSwitches {
  /** `NAME` or `NAME:nth` (nth counts from 1) of `--crash-at`. */
  readonly crashAt?: string | undefined;
  /** The same of `--stop-at`. */
  readonly stopAt?: string | undefined;
}

/**
 * Makes the function for one process that dies at one point.
 * @param specification `NAME` or `NAME:nth` (nth counts from 1), or undefined for none
 */
export function createCrashPoint(
  specification: string | undefined,
  strike: () => void = killSelf,
): CrashPoint {
  if (specification === undefined) return () => undefined;
  const parts = /^(.*?)(?::(\d+))?$/.exec(specification);
  const armed = parts?.[1] ?? specification;
  let remaining = Number(parts?.[2] ?? 1);
  return (name) => {
    if (name !== armed) return;
    remaining -= 1;
    if (remaining === 0) strike();
  };
}

/** Makes the function for one process: it stops at one point, dies at another, or neither. */
export function createCrashPoints(switches: CrashPointSwitches): CrashPoint {
  const crashPoint = createCrashPoint(switches.crashAt);
  if (switches.stopAt === undefined) return crashPoint;
  const stopPoint = createCrashPoint(switches.stopAt, stopSelf);
  return (name) => {
    stopPoint(name);
    crashPoint(name);
  };
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered before kill(2) to oneself returns; this loop only says so to readers.
  for (;;);
}

function stopSelf(): void {
  process.kill(process.pid, 'SIGSTOP');
}
