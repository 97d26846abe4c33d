/**
 * One publish to a stream and what the server said, as a value: the client library throws four kinds of errors for it and
 * hides the codes of batches. Used by the group publisher, the fence and the lease, which differ only in what they do with
 * an answer.
 */
import {
  ClosedConnectionError,
  DrainingConnectionError,
  type MsgHdrs,
  headers as makeHeaders,
} from '@nats-io/transport-node';
import type { Bus } from './bus.ts';
import { BusClosedError } from './errors.ts';

/** What became of a publish. */
export type PublishAnswer =
  | {
      readonly kind: 'stored';
      readonly stream: string;
      readonly sequence: number;
      readonly isDuplicate: boolean;
    }
  /** JetStream `err_code` and its text; nothing was stored. */
  | { readonly kind: 'refused'; readonly code: number; readonly text: string }
  /** No stream took it: none exists, or its leader is being elected. Nothing was stored. */
  | { readonly kind: 'absent' }
  /** No answer: stored, not stored, or stored later. */
  | { readonly kind: 'unknown' };

/** Bus headers as plain pairs. */
export type BusHeaders = Readonly<Record<string, string>>;

/** JetStream error codes that callers branch on (research: measured on 2.15.1). */
export const serverCode = {
  clusterNotAvailable: 10008,
  insufficientResources: 10023,
  wrongLastSequence: 10071,
  streamFull: 10077,
  /** The first publish with this msgID is still being processed. */
  duplicateInProcess: 10158,
  /** Another fenced write to the same named subject is being processed (replicated streams only). */
  fenceBusy: 10164,
  batchIncomplete: 10176,
  duplicateInBatch: 10201,
  tooManyBatches: 10210,
} as const;

const transientCodes: ReadonlySet<number> = new Set([
  serverCode.clusterNotAvailable,
  serverCode.insufficientResources,
  serverCode.duplicateInProcess,
  serverCode.fenceBusy,
  serverCode.batchIncomplete,
  serverCode.tooManyBatches,
]);

/** True for refusals that mean: nothing was stored, send it again. */
export function isTransient(code: number): boolean {
  return transientCodes.has(code);
}

/** Publishes and waits for the PubAck at most `timeoutMs`. @throws BusClosedError; client errors when it was not sent */
export async function requestPublish(
  { inbox }: Pick<Bus, 'inbox'>,
  message: { readonly subject: string; readonly payload: Uint8Array; readonly headers: BusHeaders },
  timeoutMs: number,
): Promise<PublishAnswer> {
  try {
    const { subject, payload, headers } = message;
    const reply = await inbox.request({ subject, payload, headers: toBusHeaders(headers) }, timeoutMs);
    return typeof reply === 'string' ? { kind: reply } : parseAnswer(reply.json<unknown>());
  } catch (error) {
    throw translateClosed(error);
  }
}

/** The error to pass on for one that the client threw: BusClosedError when the connection was closed. */
export function translateClosed(error: unknown): unknown {
  const isClosed = error instanceof ClosedConnectionError || error instanceof DrainingConnectionError;
  return isClosed ? new BusClosedError('the bus was closed') : error;
}

/**
 * Makes client headers of plain pairs. The client asks headers that are sent for nothing but their octets, and its own way of making
 * them takes three microseconds for each line. @throws RangeError for a value with a line end
 */
export function toBusHeaders(pairs: BusHeaders): MsgHdrs & { encode(): Uint8Array } {
  let text = 'NATS/1.0\r\n';
  for (const [name, value] of Object.entries(pairs)) {
    if (value.includes('\n') || value.includes('\r')) throw new RangeError(`line end in bus header ${name}`);
    text += `${name}: ${value}\r\n`;
  }
  return Object.assign(makeHeaders(), { encode: () => Buffer.from(`${text}\r\n`) });
}

function parseAnswer(answer: unknown): PublishAnswer {
  if (typeof answer !== 'object' || answer === null) return { kind: 'unknown' };
  // Checked field by field below; the shape is JetStream's PubAck.
  const ack = answer as {
    stream?: unknown;
    seq?: unknown;
    duplicate?: unknown;
    error?: { err_code?: unknown; code?: unknown; description?: unknown };
  };
  if (ack.error !== undefined) {
    const code = Number(ack.error.err_code);
    // A full stream says 503 too, but it will not pass by itself as an election does.
    if (ack.error.code === 503 && code !== serverCode.streamFull) return { kind: 'absent' };
    return { kind: 'refused', code, text: String(ack.error.description) };
  }
  if (typeof ack.stream !== 'string' || typeof ack.seq !== 'number') return { kind: 'unknown' };
  return { kind: 'stored', stream: ack.stream, sequence: ack.seq, isDuplicate: ack.duplicate === true };
}
