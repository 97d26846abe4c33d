/**
 * The fence of a shard (durability rules 3 and 4): the sequence of the owner's own record on `<prefix>.def.<s>._epoch` is the
 * epoch, and every write to DEFER_s expects it there. Whoever takes over publishes a new record first, after which no write
 * of the old owner can be stored.
 *
 * One write is in flight per shard; what gathers meanwhile is the next atomic batch. A write without an answer may land
 * late, therefore the writer first moves its own fence (new epoch), then repeats everything unanswered. No msgID on these
 * writes: a replicated stream answers `duplicate` before it checks the fence. Takes the lease as given; does not check it.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { encodeRecord } from '@railpost/contracts';
import { z } from 'zod';
import { type BatchMessage, batchLimit, batchLimitBytes, publishBatch } from './batch.ts';
import type { Bus } from './bus.ts';
import { BusClosedError, BusRefusedError, DeposedError } from './errors.ts';
import {
  type BusHeaders,
  type PublishAnswer,
  isTransient,
  requestPublish,
  serverCode,
} from './publish-answer.ts';

/** A takeover in two steps, so that the caller can refresh its lease between them. */
export interface Fence {
  readonly shard: number;
  /** Epoch of the last owner, read from the stream's leader; 0 when there was none. */
  readonly previousEpoch: number;
  /** Publishes our own record, expecting the one read. @throws DeposedError when another owner was faster */
  claim(): Promise<FencedWriter>;
}

/** The only way to write to DEFER_s. */
export interface FencedWriter {
  readonly shard: number;
  /** Epoch of dispatches and acknowledgements. Grows when the writer had to move its own fence. */
  readonly epoch: number;
  /** Aborts when another owner has taken over; every pending and later write rejects with DeposedError. */
  readonly deposed: AbortSignal;
  /** Writes that wait or are in flight. */
  readonly pending: number;
  /** Why writes are not going through at present, or undefined. */
  readonly problem: string | undefined;
  /** Resolves with the sequence when durable. The writes of one subject keep their order. */
  write(subject: string, payload: Uint8Array, headers?: BusHeaders): Promise<number>;
  /** Rejects what waits with BusClosedError and takes nothing more. What is in flight may be stored. */
  close(): void;
}

/** How a fence is opened. */
export interface FenceOptions {
  /** True makes the mutant of the tests: writes that expect nothing, which a deposed owner gets stored. @default false */
  readonly isLeftOut?: boolean;
}

/** Reads the present epoch. @param holder name that the epoch record shows to humans */
export async function openFence(
  bus: Bus,
  shard: number,
  holder: string,
  options: FenceOptions = {},
): Promise<Fence> {
  const previous = await readEpoch(bus, shard);
  const previousEpoch = previous?.sequence ?? 0;
  return {
    shard,
    previousEpoch,
    async claim() {
      const claimer = new EpochClaimer(bus, shard, holder);
      const epoch = await claimer.claim(previousEpoch, () => false);
      return new ShardWriter(bus, claimer, { epoch, isLeftOut: options.isLeftOut === true });
    },
  };
}

const EpochRecord = z.object({ version: z.literal(1), holder: z.string(), nonce: z.string() });

const retryMs = 50;
const fullRetryMs = 1000;

/** Reads `_epoch` from the stream's leader; a direct get may be stale on replicas. */
async function readEpoch(
  bus: Bus,
  shard: number,
): Promise<{ readonly sequence: number; readonly nonce: string } | undefined> {
  const stream = bus.names.deferStream(shard);
  try {
    const last = await bus.manager.streams.getMessage(stream, {
      last_by_subj: bus.names.epochSubject(shard),
    });
    if (last === null) return undefined;
    const record = EpochRecord.safeParse(last.json<unknown>());
    return { sequence: last.seq, nonce: record.success ? record.data.nonce : '' };
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.NoMessageFound)
      return undefined;
    throw error;
  }
}

/** Publishes `_epoch` records and knows all nonces it ever used: a claim without an answer may have been stored. */
class EpochClaimer {
  readonly shard: number;
  readonly #bus: Bus;
  readonly #holder: string;
  readonly #nonces = new Set<string>();

  constructor(bus: Bus, shard: number, holder: string) {
    this.#bus = bus;
    this.shard = shard;
    this.#holder = holder;
  }

  /** Moves `_epoch` from `expected` to a record of ours and returns its sequence. Repeats until that is decided. */
  async claim(expected: number, isClosed: () => boolean): Promise<number> {
    while (!isClosed() && !this.#bus.connection.isClosed()) {
      const answer = await this.#publish(expected);
      if (answer.kind === 'stored') return answer.sequence;
      if (answer.kind !== 'refused' || isTransient(answer.code)) {
        await sleep(retryMs);
        continue;
      }
      if (answer.code === serverCode.wrongLastSequence) return this.#adoptOwn(isClosed);
      if (answer.code !== serverCode.streamFull) throw new BusRefusedError(answer.code, answer.text);
      await sleep(fullRetryMs);
    }
    throw new BusClosedError('the fence was closed');
  }

  /** The record is not the expected one: ours from an earlier try without an answer, or another owner's. */
  async #adoptOwn(isClosed: () => boolean): Promise<number> {
    const present = await this.#readWhileUnknown(isClosed);
    if (present !== undefined && this.#nonces.has(present.nonce)) return present.sequence;
    throw new DeposedError(this.shard);
  }

  #publish(expected: number): Promise<PublishAnswer> {
    const nonce = randomUUID();
    this.#nonces.add(nonce);
    const subject = this.#bus.names.epochSubject(this.shard);
    const record: z.infer<typeof EpochRecord> = { version: 1, holder: this.#holder, nonce };
    const headers = { 'Nats-Expected-Last-Subject-Sequence': String(expected) };
    return requestPublish(
      this.#bus,
      { subject, payload: encodeRecord(record), headers },
      this.#bus.publishTimeoutMs,
    );
  }

  async #readWhileUnknown(isClosed: () => boolean): Promise<{ sequence: number; nonce: string } | undefined> {
    while (!isClosed()) {
      try {
        return await readEpoch(this.#bus, this.shard);
      } catch {
        // No leader or no connection at the moment; whose record it is must be known before anything else happens.
        await sleep(retryMs * 4);
      }
    }
    return undefined;
  }
}

interface WaitingWrite {
  readonly message: BatchMessage;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Error) => void;
}

class ShardWriter implements FencedWriter {
  readonly shard: number;
  readonly #bus: Bus;
  readonly #claimer: EpochClaimer;
  readonly #deposed = new AbortController();
  readonly #queue: WaitingWrite[] = [];
  readonly #isLeftOut: boolean;
  #epoch: number;
  #inFlight: readonly WaitingWrite[] = [];
  #isRunning = false;
  #isClosed = false;
  #problem: string | undefined;

  constructor(
    bus: Bus,
    claimer: EpochClaimer,
    fence: { readonly epoch: number; readonly isLeftOut: boolean },
  ) {
    this.#bus = bus;
    this.#claimer = claimer;
    this.#epoch = fence.epoch;
    this.#isLeftOut = fence.isLeftOut;
    this.shard = claimer.shard;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get deposed(): AbortSignal {
    return this.#deposed.signal;
  }

  get pending(): number {
    return this.#queue.length + this.#inFlight.length;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  write(subject: string, payload: Uint8Array, headers: BusHeaders = {}): Promise<number> {
    if (this.#deposed.signal.aborted) return Promise.reject(new DeposedError(this.shard));
    if (this.#isClosed) return Promise.reject(new BusClosedError('the fence was closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ message: { subject, payload, headers }, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // Writes of the same turn of the event loop share the first batch.
      queueMicrotask(() => void this.#run());
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#rejectAll(new BusClosedError('the fence was closed'));
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        this.#inFlight = takeDistinctSubjects(this.#queue);
        await this.#store(this.#inFlight);
        this.#inFlight = [];
      }
    } catch (error) {
      if (error instanceof DeposedError) this.#deposed.abort(error);
      this.#isClosed = true;
      this.#rejectAll(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#isRunning = false;
    }
  }

  /** Sends one batch until it is stored. @throws DeposedError, BusClosedError, BusRefusedError */
  async #store(batch: readonly WaitingWrite[]): Promise<void> {
    while (!this.#isClosed) {
      const answer = await publishBatch(this.#bus, this.#fenced(batch), this.#bus.publishTimeoutMs);
      if (answer.kind === 'stored') {
        this.#bus.noteAnswer();
        this.#problem = undefined;
        const first = answer.sequence - batch.length + 1;
        for (const [index, each] of batch.entries()) each.resolve(first + index);
        return;
      }
      await this.#recover(answer);
    }
    throw new BusClosedError('the fence was closed');
  }

  async #recover(answer: Exclude<PublishAnswer, { kind: 'stored' }>): Promise<void> {
    if (answer.kind === 'unknown') {
      this.#problem = 'DEFER does not answer';
      // Our write may still land; behind a new epoch it cannot.
      this.#epoch = await this.#claimer.claim(this.#epoch, () => this.#isClosed);
      return;
    }
    if (answer.kind === 'refused' && answer.code === serverCode.wrongLastSequence)
      throw new DeposedError(this.shard);
    if (answer.kind === 'refused' && answer.code === serverCode.streamFull) {
      this.#problem = 'DEFER is full';
      await sleep(fullRetryMs);
      return;
    }
    if (answer.kind === 'refused' && !isTransient(answer.code))
      throw new BusRefusedError(answer.code, answer.text);
    this.#problem = 'DEFER is busy or electing its leader';
    await sleep(retryMs);
  }

  #fenced(batch: readonly WaitingWrite[]): BatchMessage[] {
    if (this.#isLeftOut) return batch.map(({ message }) => message);
    const fence = {
      'Nats-Expected-Last-Subject-Sequence': String(this.#epoch),
      'Nats-Expected-Last-Subject-Sequence-Subject': this.#bus.names.epochSubject(this.shard),
    };
    return batch.map(({ message }, index) =>
      index === 0 ? { ...message, headers: { ...message.headers, ...fence } } : message,
    );
  }

  #rejectAll(error: Error): void {
    for (const waiting of [...this.#inFlight, ...this.#queue.splice(0)]) waiting.reject(error);
    this.#inFlight = [];
  }
}

/** The next batch: stops before a subject that is in it already, so that the writes of a subject keep their order. */
function takeDistinctSubjects(queue: WaitingWrite[]): WaitingWrite[] {
  const subjects = new Set<string>();
  let bytes = 0;
  let count = 0;
  for (const { message } of queue) {
    if (count === batchLimit || bytes > batchLimitBytes || subjects.has(message.subject)) break;
    subjects.add(message.subject);
    bytes += message.payload.length;
    count += 1;
  }
  return queue.splice(0, count);
}
