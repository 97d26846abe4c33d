/**
 * A bounded cache of answers by time to live; the entry that was used least recently leaves first.
 * Time comes from outside, so that tests need no waiting.
 */

/** Cache from question to answer. */
export interface TtlCache<Value> {
  get(key: string): Value | undefined;
  /** @param ttlMs how long the value may be used; 0 = not at all */
  set(key: string, value: Value, ttlMs: number): void;
  readonly size: number;
}

/** @param nowMs monotonic clock, milliseconds */
export function createTtlCache<Value>(limit: number, nowMs: () => number): TtlCache<Value> {
  // A Map iterates in order of insertion, so re-inserting on use keeps the oldest first.
  const entries = new Map<string, { readonly value: Value; readonly expiresMs: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.expiresMs <= nowMs()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, ttlMs) {
      entries.delete(key);
      if (ttlMs <= 0) return;
      entries.set(key, { value, expiresMs: nowMs() + ttlMs });
      if (entries.size <= limit) return;
      const oldest = entries.keys().next();
      if (oldest.done !== true) entries.delete(oldest.value);
    },
    get size() {
      return entries.size;
    },
  };
}
