/**
 * Presence: each process keeps `proc.<service>.<name>` in the lease bucket, so that live queue-managers can be counted and
 * `status` can say which configuration every process has applied (blueprint section 8). Written by publish with a TTL:
 * the KV client's update would drop it (the key would then live for ever).
 */
import type { Presence } from '@railpost/contracts';

/** Keeps the presence of this process and lists that of others. */
export interface PresenceKeeper {
  /** States which shards this process owns. */
  setShards(shards: readonly number[]): void;
  /** Living processes of a service, or of all, by their presence (at most one TTL old). @throws BusError */
  list(service?: string): Promise<readonly Presence[]>;
}
