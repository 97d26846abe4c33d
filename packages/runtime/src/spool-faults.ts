/**
 * Notes when the spool does not serve this process, so that health and `railpost status` say it of every service, not only of those that
 * take mail: an agent that cannot read contents defers its jobs, and that alone tells nobody why. A fault counts for a minute, or until the
 * same kind of request succeeds.
 */
import { type ObjectStore, SpoolUnavailableError } from '@railpost/spool';

/** A store whose faults are noted. */
export interface NotedStore {
  readonly store: ObjectStore;
  /** One sentence for each kind of request that fails now. */
  problems(): readonly string[];
}

type Kind = 'read' | 'written';

interface Fault {
  readonly atMs: number;
  readonly reason: string;
}

const faultCountsMs = 60_000;

/** Wraps a store. @param nowMs monotonic clock, milliseconds */
export function noteSpoolFaults(inner: ObjectStore, nowMs: () => number): NotedStore {
  const faults = new Map<Kind, Fault>();

  function noteFault(kind: Kind, error: unknown): void {
    if (error instanceof SpoolUnavailableError) faults.set(kind, { atMs: nowMs(), reason: reasonOf(error) });
  }

  async function note<Result>(kind: Kind, work: Promise<Result>): Promise<Result> {
    try {
      const result = await work;
      if (faults.size > 0) faults.delete(kind);
      return result;
    } catch (error) {
      noteFault(kind, error);
      throw error;
    }
  }

  async function* noteEach<Item>(items: AsyncIterable<Item>): AsyncIterable<Item> {
    try {
      yield* items;
      if (faults.size > 0) faults.delete('read');
    } catch (error) {
      noteFault('read', error);
      throw error;
    }
  }

  const store: ObjectStore = {
    location: inner.location,
    create: (key, parts, deadlineMs) => note('written', inner.create(key, parts, deadlineMs)),
    createStream: (key) => note('written', inner.createStream(key)),
    size: (key) => note('read', inner.size(key)),
    read: (key, range) => note('read', inner.read(key, range)),
    readStream: (key, range) => noteEach(inner.readStream(key, range)),
    list: (prefix, after) => noteEach(inner.list(prefix, after)),
    remove: (key) => inner.remove(key),
    close: () => inner.close(),
  };
  return {
    store,
    problems() {
      const sinceMs = nowMs() - faultCountsMs;
      return [...faults]
        .filter(([, { atMs }]) => atMs > sinceMs)
        .map(([kind, { reason }]) => `the spool at ${inner.location} cannot be ${kind}: ${reason}`);
    },
  };
}

function reasonOf(error: SpoolUnavailableError): string {
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
