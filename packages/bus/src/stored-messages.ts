/**
 * Reading and removing single messages of a stream by sequence. Reads are direct gets (any replica answers, cheap); a replica
 * that lags may not have the message yet, so a miss is asked again of the leader before it counts.
 */
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import type { Bus } from './bus.ts';
import { BusUnavailableError } from './errors.ts';

const unavailableStatus = 503;

/** The payload, or undefined when the stream holds no such message. @throws BusUnavailableError */
export async function readStored(
  bus: Bus,
  stream: string,
  sequence: number,
): Promise<Uint8Array | undefined> {
  try {
    const near = await bus.manager.direct.getMessage(stream, { seq: sequence });
    if (near !== null) return near.data;
    return (await bus.manager.streams.getMessage(stream, { seq: sequence }))?.data;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.NoMessageFound)
      return undefined;
    throw new BusUnavailableError(`message ${sequence} of ${stream} cannot be read`, error);
  }
}

/** Removes a message; one that is gone is fine. Not erased with zeros: that is sixty times slower. @throws BusUnavailableError */
export async function deleteStored(bus: Bus, stream: string, sequence: number): Promise<void> {
  try {
    await bus.manager.streams.deleteMessage(stream, sequence, false);
  } catch (error) {
    // Any answer but "unavailable" means that the stream has no such message (any more).
    if (error instanceof JetStreamApiError && error.status !== unavailableStatus) return;
    throw new BusUnavailableError(`message ${sequence} of ${stream} cannot be deleted`, error);
  }
}

/** Where a stream begins and ends, and how far its consumer has been served. */
export interface StreamPosition {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** When the oldest message was stored, milliseconds since the epoch; undefined when the stream is empty. */
  readonly oldestAtMs: number | undefined;
}

/** Reads the position of a stream. @throws BusUnavailableError */
export async function readPosition(bus: Bus, stream: string): Promise<StreamPosition> {
  try {
    const { state } = await bus.manager.streams.info(stream);
    return {
      firstSequence: state.first_seq,
      lastSequence: state.last_seq,
      oldestAtMs: state.messages === 0 ? undefined : Date.parse(state.first_ts),
    };
  } catch (error) {
    throw new BusUnavailableError(`the state of ${stream} cannot be read`, error);
  }
}
