/**
 * Presence: each process keeps `proc.<service>.<name>` in the lease bucket (TTL 15 s), so that live queue-managers can be
 * counted and `status` can say which configuration every process has applied (blueprint section 8).
 */
import { z } from 'zod';

export const Presence = z.object({
  version: z.literal(1),
  service: z.string(),
  name: z.string(),
  release: z.string(),
  startedAt: z.string(),
  isReady: z.boolean(),
  /** Hash of the applied configuration root; empty before the first. */
  configurationRoot: z.string(),
  shards: z.array(z.number()),
  /** Transports of a delivery agent; absent in other services. Owners wait for the word of those who have any (rules 8 and 9). */
  transports: z.array(z.string()).optional(),
  /** URL of health and metrics. */
  httpUrl: z.string(),
  /** What is wrong, in words (health details), if anything. */
  problems: z.array(z.string()),
});
export type Presence = z.infer<typeof Presence>;

/** KV key of a process. Service and name hold letters, digits and `-` only. */
export function presenceKey(service: string, name: string): string {
  return `proc.${service}.${name}`;
}

/** KV key of the lease of a shard. */
export function shardLeaseKey(shard: number): string {
  return `shard.${shard}`;
}

/** KV key of the lease of the active spool keeper. */
export const keeperLeaseKey = 'keeper';
