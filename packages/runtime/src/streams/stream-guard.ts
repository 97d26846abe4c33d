/**
 * Watches the streams while a process lives (durability rule 18): after every reconnect, and every few seconds, they must be those of
 * the spool's generation and at least as far as they were. Runs in queue-manager, which every platform has, so that a NATS which came
 * back empty, or with yesterday's data, gets streams of a new generation without anybody's help.
 */
import type { EventLog } from '../events/event-log.ts';
import { streamsLost, streamsUnready } from '../runtime-events.ts';
import { type SeenStreams, type StreamsRequest, prepareStreams } from './prepare-streams.ts';

/** Settings of a guard. */
export interface StreamGuardOptions extends Omit<StreamsRequest, 'seen' | 'signal'> {
  readonly log: EventLog;
  readonly setProblem: (key: string, text: string | undefined) => void;
  /** Time between two looks, milliseconds. @default 5000 */
  readonly everyMs?: number;
}

/** A running guard. */
export interface StreamGuard {
  /** Generation as of the last look; 0 before the first that went well. */
  readonly generation: number;
  /** Calls the listener with each generation that the streams turn out to be of. */
  onGeneration(listener: (generation: number) => void): void;
  /** Looks now (or when the present look is over). Rejects as prepareStreams does. */
  look(): Promise<void>;
  stop(): void;
}

/** Starts watching; the first look is the caller's. */
export function startStreamGuard(options: StreamGuardOptions): StreamGuard {
  const listeners: ((generation: number) => void)[] = [];
  const stopping = new AbortController();
  let seen: SeenStreams | undefined;
  let work: Promise<void> = Promise.resolve();
  let isWaiting = false;

  async function lookNow(isBrief: boolean): Promise<void> {
    const known = seen === undefined ? {} : { seen };
    const prepared = await prepareStreams({ ...options, ...known, isBrief, signal: stopping.signal });
    const hasChanged = prepared.generation !== seen?.generation;
    seen = prepared.seen;
    const { generation, lost, removed } = prepared;
    if (lost !== undefined) streamsLost(options.log, { generation, cause: lost, removed });
    options.setProblem('streams', undefined);
    if (hasChanged) for (const listener of listeners) listener(generation);
  }

  function look(isBrief = false): Promise<void> {
    const next = () => lookNow(isBrief);
    work = work.then(next, next);
    return work;
  }

  /** By the clock: one look waits at most, and a failure is a problem that the next look may end. */
  async function lookByItself(isBrief: boolean): Promise<void> {
    if (isWaiting || stopping.signal.aborted) return;
    isWaiting = true;
    try {
      await look(isBrief);
    } catch (error) {
      if (stopping.signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      streamsUnready(options.log, { reason });
      options.setProblem('streams', `the streams are not in order: ${reason}`);
    } finally {
      isWaiting = false;
    }
  }

  const timer = setInterval(() => void lookByItself(true), options.everyMs ?? 5000);
  const removeListener = options.bus.onReconnect(() => void lookByItself(false));
  return {
    get generation() {
      return seen?.generation ?? 0;
    },
    onGeneration: (listener) => void listeners.push(listener),
    look: () => look(),
    stop() {
      clearInterval(timer);
      removeListener();
      stopping.abort();
    },
  };
}
