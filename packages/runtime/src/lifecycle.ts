/**
 * The life of a process: SIGTERM or SIGINT begins the drain, a second one ends at once; an exception that nothing caught
 * ends at once with exit code 70 (the state is unknown then, and everything is built to survive kill -9). Draining is
 * bounded at 18 s, inside a pod's 30 s of grace and the 20 s that `railpost up` allows.
 */
import { exitCode } from './exit.ts';
import type { Stage } from './probe-server.ts';

/** Longest drain. */
export const drainLimitMs = 18_000;

/** Why a process ends. */
export interface Ending {
  readonly exitCode: number;
  /** Name of the signal, or what failed. */
  readonly cause: string;
  readonly error?: unknown;
}

/** The life of one process. */
export interface Lifecycle {
  stage(): Stage;
  setReady(): void;
  /** Aborted when the drain begins. */
  readonly signal: AbortSignal;
  /** Resolves when the drain begins. */
  readonly ending: Promise<Ending>;
  /** Begins the drain; the first call wins. */
  end(ending: Ending): void;
  /** Takes the signal handlers away. */
  release(): void;
}

/** Installs the handlers. `exitNow` is called for a second signal and for uncaught exceptions; it must not return. */
export function beginLifecycle(exitNow: (ending: Ending) => void): Lifecycle {
  const controller = new AbortController();
  let stage: Stage = 'starting';
  let resolveEnding: (ending: Ending) => void = () => undefined;
  const ending = new Promise<Ending>((resolve) => {
    resolveEnding = resolve;
  });

  function end(reason: Ending): void {
    if (controller.signal.aborted) return;
    stage = 'draining';
    controller.abort(new Error(reason.cause));
    resolveEnding(reason);
  }

  function onSignal(name: NodeJS.Signals): void {
    if (controller.signal.aborted)
      exitNow({ exitCode: exitCode.interrupted, cause: `second signal ${name}` });
    else end({ exitCode: exitCode.clean, cause: name });
  }

  function onUncaught(error: unknown): void {
    exitNow({ exitCode: exitCode.bug, cause: 'uncaught exception', error });
  }

  /** Started by `railpost up`: without it nobody would restart or stop this process, so it drains. */
  function onParentGone(): void {
    end({ exitCode: exitCode.clean, cause: 'the process that started this one is gone' });
  }

  if (process.connected) process.once('disconnect', onParentGone);
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);

  return {
    stage: () => stage,
    setReady() {
      if (stage === 'starting') stage = 'ready';
    },
    signal: controller.signal,
    ending,
    end,
    release() {
      process.removeListener('disconnect', onParentGone);
      process.removeListener('SIGTERM', onSignal);
      process.removeListener('SIGINT', onSignal);
      process.removeListener('uncaughtException', onUncaught);
      process.removeListener('unhandledRejection', onUncaught);
    },
  };
}

/** Waits for `work`, at most `limitMs`. True when it resolved in time; its rejection passes. */
export async function within(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
