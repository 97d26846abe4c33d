/**
 * Presence: each process keeps `proc.<service>.<name>` in the lease bucket, so that live queue-managers can be counted and
 * `status` can say which configuration every process has applied (blueprint section 8). Written by publish with a TTL:
 * the KV client's update would drop it (the key would then live for ever). A failure to write is no problem of its own:
 * the process is then missing from the list, which is what the list is for.
 */
import type { Bus } from '@railpost/bus';
import { Presence, encodeRecord, parseRecord, presenceKey } from '@railpost/contracts';
import type { EventLog } from './events/event-log.ts';
import { presenceFailed } from './runtime-events.ts';

/** Keeps the presence of this process and lists that of others. */
export interface PresenceKeeper {
  /** States which shards this process owns; published at once. */
  setShards(shards: readonly number[]): void;
  /** States that this process is a delivery agent of these transports; published at once. */
  setTransports(transports: readonly string[]): void;
  /** Living processes of a service, or of all, by their presence (at most one TTL old). Rejects when NATS does not answer. */
  list(service?: string): Promise<readonly Presence[]>;
  /** Publishes now instead of at the next refresh. */
  refresh(): Promise<void>;
  /** Stops refreshing and takes the key away. */
  close(): Promise<void>;
}

/** What a presence is made of; asked at each refresh. */
export interface PresenceOptions {
  readonly bus: Bus;
  readonly log: EventLog;
  readonly ttlMs: number;
  describe(): Omit<Presence, 'version' | 'shards' | 'transports'>;
}

/** Starts refreshing, three times per TTL. */
export function openPresence(options: PresenceOptions): PresenceKeeper {
  const { bus } = options;
  let shards: readonly number[] = [];
  let transports: readonly string[] = [];
  let isClosed = false;

  async function refresh(): Promise<void> {
    if (isClosed) return;
    const facts = options.describe();
    const presence: Presence = {
      version: 1,
      ...facts,
      shards: [...shards],
      ...(transports.length === 0 ? {} : { transports: [...transports] }),
    };
    const subject = `$KV.${bus.names.leaseBucket}.${presenceKey(facts.service, facts.name)}`;
    try {
      await bus.jetstream.publish(subject, encodeRecord(presence), {
        ttl: `${Math.ceil(options.ttlMs / 1000)}s`,
      });
    } catch (error) {
      presenceFailed(options.log, { reason: String(error) });
    }
  }

  const timer = setInterval(() => void refresh(), Math.max(options.ttlMs / 3, 100));

  return {
    refresh,
    setShards(owned) {
      shards = [...owned];
      void refresh();
    },
    setTransports(served) {
      transports = [...served];
      void refresh();
    },
    list: (service) => listPresence(bus, service),
    async close() {
      clearInterval(timer);
      if (isClosed) return;
      isClosed = true;
      const { service, name } = options.describe();
      try {
        const bucket = await bus.openKv(bus.names.leaseBucket);
        await bucket.delete(presenceKey(service, name));
      } catch (error) {
        // The key expires by itself.
        presenceFailed(options.log, { reason: String(error) });
      }
    },
  };
}

/**
 * Reads the presence of all living processes, or of one service. Rejects when NATS does not answer. Requests only, because each ends
 * by itself: the client's iterator over keys waits for ever when the bucket goes in its middle (and whoever waits serves no shard).
 */
export async function listPresence(bus: Bus, service?: string): Promise<readonly Presence[]> {
  const { leaseBucket } = bus.names;
  const bucket = await bus.openKv(leaseBucket);
  const prefix = `$KV.${leaseBucket}.`;
  const { state } = await bus.manager.streams.info(`KV_${leaseBucket}`, {
    subjects_filter: service === undefined ? `${prefix}proc.>` : `${prefix}proc.${service}.*`,
  });
  const found: Presence[] = [];
  for (const subject of Object.keys(state.subjects ?? {})) {
    const entry = await bucket.get(subject.slice(prefix.length));
    if (entry === null || entry.operation !== 'PUT') continue;
    const presence = Presence.safeParse(parseRecord(entry.value));
    if (presence.success) found.push(presence.data);
  }
  return found.sort((left, right) =>
    `${left.service} ${left.name}`.localeCompare(`${right.service} ${right.name}`),
  );
}
