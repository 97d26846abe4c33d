/**
 * Watches how full streams are and whether JetStream answers at all, so that ingress can say 452 or 451 before it writes anything
 * (durability rule 1). INCOMING and ACTIVE count as full at 98 %, DEFER at 90 % of max_bytes: a replicated stream at its limit refuses
 * even the owner's `_epoch` record (rule 4), and then nobody could take the shard over. A connection that answers pings says nothing
 * of JetStream: it may be disabled, out of space, or have lost its streams.
 */
import type { Bus } from './bus.ts';

const deferLimit = 0.9;
const otherLimit = 0.98;

/** A running watch. All values are as of the last look that was answered. */
export interface FullnessWatch {
  /** Names of the streams that count as full. */
  readonly fullStreams: readonly string[];
  /** Bus messages of INCOMING, ACTIVE_s and DEFER_s together: a message may count several times, a bundle counts once. */
  readonly queuedMessages: number;
  /** Records of CORRUPT. */
  readonly corruptRecords: number;
  /** False when the platform's streams were not there. */
  readonly hasStreams: boolean;
  isFull(): boolean;
  /** Milliseconds since JetStream last answered a look, or since the start. */
  answerAgeMs(): number;
  stop(): void;
}

interface Look {
  readonly fullStreams: readonly string[];
  readonly queuedMessages: number;
  readonly corruptRecords: number;
  readonly hasStreams: boolean;
}

/** Looks at all streams of the platform at once and then every `everyMs`. A failed look keeps the last result. */
export function startFullnessWatch(bus: Bus, everyMs = 2000): FullnessWatch {
  let last: Look = { fullStreams: [], queuedMessages: 0, corruptRecords: 0, hasStreams: true };
  let answeredAt = performance.now();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      last = await lookAt(bus);
      answeredAt = performance.now();
    } catch {
      // The age of the last answer grows, which is what there is to say.
    }
    isLooking = false;
  };
  const timer = setInterval(() => void look(), everyMs);
  void look();
  return {
    get fullStreams() {
      return last.fullStreams;
    },
    get queuedMessages() {
      return last.queuedMessages;
    },
    get corruptRecords() {
      return last.corruptRecords;
    },
    get hasStreams() {
      return last.hasStreams;
    },
    isFull: () => last.fullStreams.length > 0,
    answerAgeMs: () => performance.now() - answeredAt,
    stop: () => clearInterval(timer),
  };
}

async function lookAt(bus: Bus): Promise<Look> {
  const { prefix, incomingStream, corruptStream } = bus.names;
  const fullStreams: string[] = [];
  let queuedMessages = 0;
  let corruptRecords = 0;
  let hasStreams = false;
  for await (const { config, state } of bus.manager.streams.list()) {
    const { name, max_bytes: maxBytes } = config;
    if (!name.startsWith(`${prefix}_`)) continue;
    hasStreams ||= name === incomingStream;
    if (name === corruptStream) corruptRecords = state.messages;
    const isDefer = name.startsWith(`${prefix}_DEFER_`);
    const isQueue = isDefer || name === incomingStream || name.startsWith(`${prefix}_ACTIVE_`);
    if (isQueue) queuedMessages += state.messages;
    if (maxBytes > 0 && state.bytes >= maxBytes * (isDefer ? deferLimit : otherLimit)) fullStreams.push(name);
  }
  return { fullStreams, queuedMessages, corruptRecords, hasStreams };
}
