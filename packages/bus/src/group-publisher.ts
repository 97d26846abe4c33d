/**
 * Group commit for publishing: while batches are on their way, further messages gather and go out as the next atomic
 * batch, so that a stream with `sync_interval: always` pays one fsync for many. Self-clocking: no timer, and a lone
 * message goes by a plain publish at once. At most two batches in flight (more hurt a replica-1 stream).
 *
 * A message is repeated with its msgID until it is stored, refused for good, or its signal fires; `isDuplicate` true counts
 * as stored because the repeat was this process's own (durability rule 19). Fails with StreamFullError, BusRefusedError,
 * BusClosedError. One publisher belongs to one stream; two publishers never share a batch.
 *
 * A publisher that bundles puts what has gathered into one bus message instead: a batch costs a replica-1 server a staging store
 * on disk, more than a millisecond of its time, which twenty messages do not repay. Bundled records share one msgID, so the
 * server does not find a repeated record by its own: only for streams whose consumers know every record by its id.
 */
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeBundle } from '@railpost/contracts';
import { type BatchMessage, batchLimit, batchLimitBytes, publishBatch } from './batch.ts';
import type { Bus } from './bus.ts';
import { BusClosedError, BusRefusedError, StreamFullError } from './errors.ts';
import {
  type BusHeaders,
  type PublishAnswer,
  isTransient,
  requestPublish,
  serverCode,
} from './publish-answer.ts';

/** What may accompany a publish. */
export interface PublishOptions {
  /** Nats-Msg-Id; without one a repeat after an unknown answer may store the message twice. */
  readonly messageId?: string;
  readonly headers?: BusHeaders;
  /** Ends the repeating; the promise rejects with BusClosedError and the message may yet be stored. */
  readonly signal?: AbortSignal;
}

/** Where the message stands. */
export interface Published {
  readonly sequence: number;
  /** The server had this msgID already; `sequence` is that of the stored message. */
  readonly isDuplicate: boolean;
  /** Subject of the bus message that holds it: its own, or that of its bundle. */
  readonly busSubject: string;
}

/** A publisher of one stream. */
export interface GroupPublisher {
  /** Resolves when the message is durable. */
  publish(subject: string, payload: Uint8Array, options?: PublishOptions): Promise<Published>;
  /** Messages that wait or are in flight. */
  readonly pending: number;
}

interface Waiting {
  readonly message: BatchMessage;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: Error) => void;
}

/** How much may go out together. */
interface GroupLimits {
  readonly messages: number;
  readonly bytes: number;
}

const batchLimits: GroupLimits = { messages: batchLimit, bytes: batchLimitBytes };
/** Far below NATS's megabyte, and few enough that one slow record keeps few others unacknowledged. */
const bundleLimits: GroupLimits = { messages: 64, bytes: 256 * 1024 };

const batchesInFlight = 2;
const retryMs = 100;
const retryLimitMs = 1000;
/** Parallel single publishes when a batch has to be taken apart. */
const singlesAtOnce = 64;

/** How a publisher sends what has gathered. */
export interface GroupPublisherOptions {
  /** In bundles; see the file comment for who may. @default false */
  readonly isBundling?: boolean;
}

/** Opens a publisher for one stream of {@link Bus.names}. */
export function openGroupPublisher(
  bus: Bus,
  stream: string,
  options: GroupPublisherOptions = {},
): GroupPublisher {
  return new GroupCommit(bus, stream, options.isBundling === true);
}

class GroupCommit implements GroupPublisher {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #queue: Waiting[] = [];
  readonly #isBundling: boolean;
  #inFlight = 0;
  #unsettled = 0;
  #isPumpDue = false;

  constructor(bus: Bus, stream: string, isBundling: boolean) {
    this.#bus = bus;
    this.#stream = stream;
    this.#isBundling = isBundling;
  }

  get pending(): number {
    return this.#unsettled;
  }

  publish(subject: string, payload: Uint8Array, options: PublishOptions = {}): Promise<Published> {
    const id = options.messageId === undefined ? {} : { 'Nats-Msg-Id': options.messageId };
    const message = { subject, payload, headers: { ...options.headers, ...id } };
    this.#unsettled += 1;
    // Everything that is published in this turn of the event loop shares the first batch.
    if (!this.#isPumpDue) {
      this.#isPumpDue = true;
      queueMicrotask(() => this.#pump());
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({
        message,
        signal: options.signal,
        resolve: (published) => {
          this.#unsettled -= 1;
          resolve(published);
        },
        reject: (error) => {
          this.#unsettled -= 1;
          reject(error);
        },
      });
    });
  }

  #pump(): void {
    this.#isPumpDue = false;
    const limits = this.#isBundling ? bundleLimits : batchLimits;
    while (this.#inFlight < batchesInFlight && this.#queue.length > 0) {
      this.#inFlight += 1;
      void this.#send(takeBatch(this.#queue, limits)).finally(() => {
        this.#inFlight -= 1;
        this.#pump();
      });
    }
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const only = batch[0];
    if (batch.length === 1 && only !== undefined) return this.#sendAlone(only);
    if (this.#isBundling) return this.#sendAlone(bundled(batch));
    const messages = batch.map((each) => each.message);
    const answer = await attempt(() => publishBatch(this.#bus, messages, this.#bus.publishTimeoutMs));
    if (answer.kind === 'stored') {
      this.#bus.noteAnswer();
      const first = answer.sequence - batch.length + 1;
      for (const [index, each] of batch.entries())
        each.resolve({
          sequence: first + index,
          isDuplicate: false,
          busSubject: each.message.subject,
        });
      return;
    }
    if (answer.kind === 'refused' && answer.code === serverCode.streamFull) {
      for (const each of batch) each.reject(new StreamFullError(this.#stream));
      return;
    }
    // Duplicates in the batch, an unknown fate, an election: each message by itself finds out with its msgID.
    for (let start = 0; start < batch.length; start += singlesAtOnce)
      await Promise.all(batch.slice(start, start + singlesAtOnce).map((each) => this.#sendAlone(each)));
  }

  async #sendAlone(waiting: Waiting): Promise<void> {
    for (let pauseMs = retryMs; ; pauseMs = Math.min(pauseMs * 2, retryLimitMs)) {
      if (waiting.signal?.aborted === true)
        return waiting.reject(new BusClosedError('publish given up by its caller'));
      const answer = await attempt(() =>
        requestPublish(this.#bus, waiting.message, this.#bus.publishTimeoutMs),
      );
      if (answer.kind !== 'unknown') this.#bus.noteAnswer();
      if (this.#settle(waiting, answer)) return;
      await sleep(pauseMs);
    }
  }

  /** False: to be sent again. */
  #settle(waiting: Waiting, answer: PublishAnswer | FailedAnswer): boolean {
    if (answer.kind === 'stored') {
      const { sequence, isDuplicate } = answer;
      waiting.resolve({ sequence, isDuplicate, busSubject: waiting.message.subject });
      return true;
    }
    if (answer.kind === 'failed') {
      waiting.reject(answer.error);
      return true;
    }
    if (answer.kind !== 'refused' || isTransient(answer.code)) return false;
    const isFull = answer.code === serverCode.streamFull;
    waiting.reject(
      isFull ? new StreamFullError(this.#stream) : new BusRefusedError(answer.code, answer.text),
    );
    return true;
  }
}

/** The client did not send it at all: closed, or larger than the server's max_payload. */
interface FailedAnswer {
  readonly kind: 'failed';
  readonly error: Error;
}

async function attempt(request: () => Promise<PublishAnswer>): Promise<PublishAnswer | FailedAnswer> {
  try {
    return await request();
  } catch (error) {
    return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function takeBatch(queue: Waiting[], limits: GroupLimits): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { message } of queue) {
    bytes += message.payload.length;
    if (count === limits.messages || (count > 0 && bytes > limits.bytes)) break;
    count += 1;
  }
  return queue.splice(0, count);
}

/**
 * One message that stands for all of them, stored or refused as one. Its msgID is made of theirs, so that it is a duplicate only of
 * the same bundle. Given up only when all were published under one signal.
 */
function bundled(batch: readonly Waiting[]): Waiting {
  const ids = batch.map(({ message }) => message.headers['Nats-Msg-Id']);
  const signal = batch[0]?.signal;
  return {
    message: {
      subject: batch[0]?.message.subject ?? '',
      payload: encodeBundle(batch.map(({ message }) => message)),
      headers: ids.includes(undefined) ? {} : { 'Nats-Msg-Id': hash('sha256', ids.join(' '), 'base64url') },
    },
    signal: batch.every((each) => each.signal === signal) ? signal : undefined,
    resolve: (published) => {
      for (const each of batch) each.resolve(published);
    },
    reject: (error) => {
      for (const each of batch) each.reject(error);
    },
  };
}
