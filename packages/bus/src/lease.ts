/**
 * A lease on a key of the lease bucket (durability rule 3): says who may try; the fence decides. Taken by a create with a
 * TTL, refreshed by a publish with TTL and expected revision (the client's `update` would drop the TTL). Time counts on
 * the monotonic clock from the moment the last good refresh was *sent*; the holder stops acting a third of the TTL, at most
 * 5 s, before the server may give it away. Any revision that is not ours ends the term, also when the value looks like ours.
 */
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { encodeRecord } from '@railpost/contracts';
import type { Bus } from './bus.ts';
import { BusClosedError, BusUnavailableError } from './errors.ts';
import { requestPublish } from './publish-answer.ts';

/** One lease somebody may hold. */
export interface Lease {
  readonly key: string;
  /**
   * One attempt, without waiting. Undefined while another holds it, or when it is free in another way than `wanted`.
   * @throws BusUnavailableError
   */
  tryAcquire(wanted?: Freedom): Promise<LeaseTerm | undefined>;
}

/** How a lease may be free: `expired`, its holder died or was cut off; `released`, given up in order, or never held. */
export type Freedom = 'expired' | 'released';

/** A lease held, from acquisition to loss; never comes back to life. */
export interface LeaseTerm {
  /** How it was free before. */
  readonly origin: Freedom;
  /** Aborts when the term is over: released, taken by another, or not refreshed in time. */
  readonly lost: AbortSignal;
  /** Synchronous check on the monotonic clock; ask after every pause and before every effect. */
  isHeld(): boolean;
  /** Refreshes now, beside the automatic refresh; false = the term is over. */
  refresh(): Promise<boolean>;
  /** Ends the term and deletes the key, so that another can take it at once. Idempotent. */
  release(): Promise<void>;
}

/** Settings of a lease. */
export interface LeaseOptions {
  /** Whole seconds. @default 15000 */
  readonly ttlMs?: number;
}

/** Prepares a lease; nothing is taken yet. */
export function openLease(bus: Bus, key: string, holder: string, options: LeaseOptions = {}): Lease {
  const ttlMs = options.ttlMs ?? 15_000;
  const subject = `$KV.${bus.names.leaseBucket}.${key}`;
  return {
    key,
    async tryAcquire(wanted) {
      const free = await readFreedom(bus, subject);
      if (free === undefined || (wanted !== undefined && free.origin !== wanted)) return undefined;
      const sentAt = performance.now();
      const revision = await publishRevision(bus, { subject, holder, ttlMs, expected: free.revision });
      return typeof revision === 'number'
        ? new Term(bus, { subject, holder, ttlMs }, { revision, sentAt, origin: free.origin })
        : undefined;
    },
  };
}

interface LeaseKey {
  readonly subject: string;
  readonly holder: string;
  readonly ttlMs: number;
}

interface TermStart {
  readonly revision: number;
  readonly sentAt: number;
  readonly origin: Freedom;
}

class Term implements LeaseTerm {
  readonly origin: Freedom;
  readonly #bus: Bus;
  readonly #key: LeaseKey;
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #revision: number;
  #actUntil: number;
  #refreshing: Promise<boolean> | undefined;

  constructor(bus: Bus, key: LeaseKey, start: TermStart) {
    this.origin = start.origin;
    this.#bus = bus;
    this.#key = key;
    this.#revision = start.revision;
    this.#actUntil = start.sentAt + actingTimeMs(key.ttlMs);
    const everyMs = Math.floor(key.ttlMs / 3);
    // Checked more often than refreshed, so that a lost lease is noticed when its time is over, not at the next refresh.
    let next = start.sentAt + everyMs;
    this.#timer = setInterval(
      () => {
        if (!this.isHeld() || performance.now() < next) return;
        next = performance.now() + everyMs;
        void this.refresh();
      },
      Math.min(200, everyMs),
    );
  }

  get lost(): AbortSignal {
    return this.#ended.signal;
  }

  isHeld(): boolean {
    if (this.#ended.signal.aborted) return false;
    if (performance.now() < this.#actUntil) return true;
    this.#end();
    return false;
  }

  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async release(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    await this.#refreshing;
    this.#end();
    const headers = {
      'KV-Operation': 'DEL',
      'Nats-Expected-Last-Subject-Sequence': String(this.#revision),
    };
    const message = { subject: this.#key.subject, payload: new Uint8Array(0), headers };
    await requestPublish(this.#bus, message, this.#bus.publishTimeoutMs).catch(ignoreClosed);
  }

  async #refreshOnce(): Promise<boolean> {
    if (!this.isHeld()) return false;
    const sentAt = performance.now();
    const outcome = await publishRevision(this.#bus, { ...this.#key, expected: this.#revision }).catch(
      ignoreClosed,
    );
    if (this.#ended.signal.aborted) return false;
    if (outcome === 'unknown') return this.isHeld();
    if (outcome === 'taken') {
      // Our own earlier refresh may have been stored without an answer; the term ends all the same: rule 3 prefers a
      // superfluous takeover to a guess.
      this.#end();
      return false;
    }
    this.#revision = outcome;
    this.#actUntil = sentAt + actingTimeMs(this.#key.ttlMs);
    return true;
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#ended.abort();
  }
}

/** A closed bus refreshes nothing: the term ends by the clock. */
function ignoreClosed(error: unknown): 'unknown' {
  if (error instanceof BusClosedError) return 'unknown';
  throw error;
}

/** How long after a refresh the holder acts: TTL - 5 s, for short TTLs two thirds of it. */
export function actingTimeMs(ttlMs: number): number {
  return ttlMs - Math.min(5000, ttlMs / 3);
}

/** How the key is free, and the revision to expect for taking it; undefined while somebody holds it. */
async function readFreedom(
  bus: Bus,
  subject: string,
): Promise<{ readonly revision: number; readonly origin: Freedom } | undefined> {
  try {
    // Not a direct get: those may be stale on replicas.
    const last = await bus.manager.streams.getMessage(`KV_${bus.names.leaseBucket}`, {
      last_by_subj: subject,
    });
    if (last === null) return { revision: 0, origin: 'released' };
    if (last.header.has('Nats-Marker-Reason')) return { revision: last.seq, origin: 'expired' };
    return last.header.has('KV-Operation') ? { revision: last.seq, origin: 'released' } : undefined;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.NoMessageFound)
      return { revision: 0, origin: 'released' };
    throw new BusUnavailableError('the lease bucket cannot be read', error);
  }
}

async function publishRevision(
  bus: Bus,
  request: LeaseKey & { readonly expected: number },
): Promise<number | 'taken' | 'unknown'> {
  const answer = await requestPublish(
    bus,
    {
      subject: request.subject,
      payload: encodeRecord({ holder: request.holder }),
      headers: {
        'Nats-TTL': `${Math.ceil(request.ttlMs / 1000)}s`,
        'Nats-Expected-Last-Subject-Sequence': String(request.expected),
      },
    },
    Math.min(bus.publishTimeoutMs, request.ttlMs / 3),
  );
  if (answer.kind === 'stored') {
    bus.noteAnswer();
    return answer.sequence;
  }
  return answer.kind === 'refused' ? 'taken' : 'unknown';
}
