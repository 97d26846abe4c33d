/**
 * Watches how full streams are, so that ingress can say 452 before it writes anything (durability rule 1). INCOMING and
 * ACTIVE count as full at 98 %, DEFER at 90 % of max_bytes: a replicated stream at its limit refuses even the owner's
 * `_epoch` record (rule 4), and then nobody could take the shard over.
 */
import type { Bus } from './bus.ts';

const deferLimit = 0.9;
const otherLimit = 0.98;

/** A running watch. */
export interface FullnessWatch {
  /** Names of the streams that count as full, as of the last look. */
  readonly fullStreams: readonly string[];
  isFull(): boolean;
  stop(): void;
}

/** Looks at all streams of the platform at once and then every `everyMs`. A failed look keeps the last result. */
export function startFullnessWatch(bus: Bus, everyMs = 2000): FullnessWatch {
  let full: readonly string[] = [];
  const look = async (): Promise<void> => {
    try {
      full = await findFullStreams(bus);
    } catch {
      // health() of the bus tells that NATS is away; this watch has nothing to add.
    }
  };
  const timer = setInterval(() => void look(), everyMs);
  void look();
  return {
    get fullStreams() {
      return full;
    },
    isFull: () => full.length > 0,
    stop: () => clearInterval(timer),
  };
}

async function findFullStreams(bus: Bus): Promise<string[]> {
  const full: string[] = [];
  for await (const { config, state } of bus.manager.streams.list()) {
    if (!config.name.startsWith(`${bus.names.prefix}_`) || config.max_bytes <= 0) continue;
    const limit = config.name.startsWith(`${bus.names.prefix}_DEFER_`) ? deferLimit : otherLimit;
    if (state.bytes >= config.max_bytes * limit) full.push(config.name);
  }
  return full;
}
