/** Reading all records of a stream once, from its beginning to where it ends now, without acknowledging anything. */
import { type BundledRecord, unbundle } from '@railpost/contracts';
import type { Bus } from './bus.ts';
import { BusUnavailableError } from './errors.ts';

const messagesAtOnce = 1000;
/** What was counted may be purged before it is read; then nothing comes. */
const waitMs = 1000;

/**
 * Calls back for each record that the stream holds; bundles come apart. What is stored meanwhile may be missed.
 * @throws BusUnavailableError
 */
export async function readStream(
  bus: Bus,
  stream: string,
  onRecord: (record: BundledRecord) => void,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const { state } = await bus.manager.streams.info(stream);
    if (state.messages === 0) return;
    const source = await bus.jetstream.consumers.get(stream);
    for (let isMore = true; isMore && signal?.aborted !== true; ) {
      isMore = false;
      const messages = await source.fetch({ max_messages: messagesAtOnce, expires: waitMs });
      for await (const { subject, data, seq, info } of messages) {
        for (const record of unbundle(subject, data)) onRecord(record);
        isMore = seq < state.last_seq && info.pending > 0;
        if (!isMore) break;
      }
    }
  } catch (error) {
    throw new BusUnavailableError(`${stream} cannot be read`, error);
  }
}
