/**
 * Reads DEFER_s at takeover (durability rule 3): subjects and headers only, in stream order, until the owner's own
 * `_epoch` record comes. Not until "nothing is pending": a replica may report that too early and the rest would stay unseen.
 */
import type { MsgHdrs } from '@nats-io/transport-node';
import type { Bus } from './bus.ts';
import { BusUnavailableError } from './errors.ts';

/** One record of DEFER, without its payload. */
export interface DeferEntry {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
}

/** What to scan. */
export interface ScanOptions {
  readonly shard: number;
  /** Epoch of the caller's {@link FencedWriter} at the start of the scan. */
  readonly untilEpoch: number;
  readonly onEntry: (entry: DeferEntry) => void;
  readonly signal?: AbortSignal;
}

/** Resolves when the epoch record has been seen. @throws BusUnavailableError when the scan ended before it */
export async function scanDefer(bus: Bus, options: ScanOptions): Promise<void> {
  const { shard, untilEpoch } = options;
  const epochSubject = bus.names.epochSubject(shard);
  const source = await bus.jetstream.consumers.get(bus.names.deferStream(shard), { headers_only: true });
  const messages = await source.consume({ max_messages: 2000, expires: 5000, idle_heartbeat: 500 });
  const stop = () => void messages.close();
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const message of messages) {
      if (options.signal?.aborted === true) break;
      if (message.subject !== epochSubject) {
        options.onEntry({ sequence: message.seq, subject: message.subject, headers: message.headers });
      } else if (message.seq >= untilEpoch) return;
    }
  } finally {
    options.signal?.removeEventListener('abort', stop);
    await messages.close();
  }
  throw new BusUnavailableError(`the scan of DEFER of shard ${shard} ended before its epoch record`);
}
