/**
 * Signals of `railpost up`: the first SIGINT, SIGTERM or SIGHUP asks for an orderly end; a second one kills every child and
 * ends at once (nothing is lost by that either, only the start after it takes longer).
 */
import type { ManagedProcess } from './managed-process.ts';
import type { Terminal } from './terminal.ts';

const interrupted = 130;
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Caught signals. */
export interface StopSignals {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Resolves at the first signal. */
  readonly stopped: Promise<void>;
  /** Takes the handlers away. */
  release(): void;
}

/** Catches them. @param children all that the second signal kills; may grow */
export function catchStopSignals(children: readonly ManagedProcess[], terminal: Terminal): StopSignals {
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  function onSignal(): void {
    if (!stopping.signal.aborted) {
      stopping.abort(new Error('told to stop'));
      return;
    }
    terminal.progress('second signal: ending everything at once');
    for (const child of children) child.kill();
    process.exit(interrupted);
  }
  for (const name of names) process.on(name, onSignal);
  return {
    signal: stopping.signal,
    stopped,
    release() {
      for (const name of names) process.removeListener(name, onSignal);
    },
  };
}
