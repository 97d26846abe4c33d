/**
 * Crash points: named places where a test makes the process die as by `kill -9` (durability.md, "Crash points").
 * Switched on by `--crash-at NAME[:nth]` only; otherwise passing one costs a comparison.
 */

/** Called at a named place; does not return when the switch names it for the nth time. */
export type CrashPoint = (name: string) => void;

/**
 * Makes the function for one process.
 * @param specification `NAME` or `NAME:nth` (nth counts from 1), or undefined for none
 */
export function createCrashPoint(specification: string | undefined, die: () => void = killSelf): CrashPoint {
  if (specification === undefined) return () => undefined;
  const parts = /^(.*?)(?::(\d+))?$/.exec(specification);
  const armed = parts?.[1] ?? specification;
  let remaining = Number(parts?.[2] ?? 1);
  return (name) => {
    if (name !== armed) return;
    remaining -= 1;
    if (remaining === 0) die();
  };
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered before kill(2) to oneself returns; this loop only says so to readers.
  for (;;);
}
