/**
 * Atomic batches with headers made by hand: the client's batch helper drops msgID and expectations without a word and
 * hides error codes. A batch of n messages costs one fsync instead of n. At most {@link batchLimit} messages.
 * All messages but the last are plain publishes on the same connection, so they arrive in order before the commit.
 */
import { randomUUID } from 'node:crypto';
import type { Bus } from './bus.ts';
import {
  type BusHeaders,
  type PublishAnswer,
  requestPublish,
  toBusHeaders,
  translateClosed,
} from './publish-answer.ts';

/** Most messages that nats-server takes in one atomic batch. */
export const batchLimit = 1000;
/** Octets after which a batch is sent although more messages wait, so that it stays below the client's write buffer. */
export const batchLimitBytes: number = 4 * 1024 * 1024;

/** One message of a batch. */
export interface BatchMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: BusHeaders;
}

/**
 * Publishes the messages atomically (a single one plainly) under a fresh batch id. On `stored`, `sequence` is that of the
 * last message; the i-th has `sequence - messages.length + 1 + i`. Every call may be repeated: nothing is kept.
 */
export async function publishBatch(
  bus: Pick<Bus, 'connection' | 'inbox'>,
  messages: readonly BatchMessage[],
  timeoutMs: number,
): Promise<PublishAnswer> {
  const last = messages.at(-1);
  if (last === undefined) throw new RangeError('a batch has at least one message');
  if (messages.length === 1) return requestPublish(bus, last, timeoutMs);
  const id = randomUUID();
  for (const [index, message] of messages.slice(0, -1).entries()) {
    const headers = toBusHeaders({
      ...message.headers,
      'Nats-Batch-Id': id,
      'Nats-Batch-Sequence': String(index + 1),
    });
    try {
      bus.connection.publish(message.subject, message.payload, { headers });
    } catch (error) {
      throw translateClosed(error);
    }
  }
  const commit = {
    'Nats-Batch-Id': id,
    'Nats-Batch-Sequence': String(messages.length),
    'Nats-Batch-Commit': '1',
  };
  return requestPublish(bus, { ...last, headers: { ...last.headers, ...commit } }, timeoutMs);
}
