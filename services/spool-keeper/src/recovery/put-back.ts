/**
 * Puts messages back into INCOMING (durability rule 19): with what is done and held already, under an attempt number that no earlier
 * publish had, so that nothing takes it for a repetition. The header section stays in the spool, cleanup reads it there. What waits
 * for NATS is bounded; a full stream is waited for, cleanup makes room.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bus, StreamFullError, openGroupPublisher } from '@railpost/bus';
import { type RecipientHistory, encodeIncomingHead } from '@railpost/contracts';
import type { SegmentRecord } from '@railpost/spool';

/** Puts back. */
export interface PutBack {
  /**
   * Hands a message over; resolves when there is room for the next one, which may be before it is durable.
   * @throws BusRefusedError, BusClosedError of an earlier one
   */
  add(record: SegmentRecord, history: readonly RecipientHistory[]): Promise<void>;
  /** Resolves when everything handed over is durable. @throws as add */
  flush(): Promise<void>;
}

/** Settings. */
export interface PutBackOptions {
  readonly attempt: number;
  readonly signal: AbortSignal;
  /** Called after each message is durable. */
  readonly onStored: () => void;
}

const pendingLimit = 512;
const fullRetryMs = 500;

/** Opens a way back. */
export function openPutBack(bus: Bus, options: PutBackOptions): PutBack {
  const { attempt, signal, onStored } = options;
  const publisher = openGroupPublisher(bus, bus.names.incomingStream, { isBundling: true });
  let pending = 0;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;

  async function publish(record: SegmentRecord, history: readonly RecipientHistory[]): Promise<void> {
    const { envelope, body } = record;
    const known = history.length === 0 ? {} : { history: [...history] };
    const payload = encodeIncomingHead({ version: 1, envelope, body, attempt, ...known });
    const subject = bus.names.incomingSubject(envelope.queueId);
    for (;;) {
      try {
        await publisher.publish(subject, payload, { messageId: `${envelope.queueId}/${attempt}`, signal });
        return onStored();
      } catch (error) {
        if (!(error instanceof StreamFullError)) throw error;
        await sleep(fullRetryMs, undefined, { signal });
      }
    }
  }

  async function waitWhile(isTooMuch: () => boolean): Promise<void> {
    while (failure === undefined && isTooMuch())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    if (failure !== undefined) throw failure;
  }

  return {
    async add(record, history) {
      pending += 1;
      publish(record, history)
        .catch((error: unknown) => {
          failure ??= error instanceof Error ? error : new Error(String(error));
        })
        .finally(() => {
          pending -= 1;
          wake();
        });
      await waitWhile(() => pending >= pendingLimit);
    },
    flush: () => waitWhile(() => pending > 0),
  };
}
