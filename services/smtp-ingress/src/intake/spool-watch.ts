/**
 * Whether the spool takes writes, from the writes themselves: PUTs fail, or have no answer for seconds. While something is wrong, and
 * when nothing was written for a while, a small object is written and removed as a test, so that an outage is known before the next
 * message and its end is noticed without one.
 */
import { randomBytes } from 'node:crypto';
import { type CreateResult, type ObjectStore, SpoolUnavailableError } from '@railpost/spool';

/** Times of the watch in milliseconds. */
export interface SpoolWatchTimes {
  /** A PUT without an answer for so long is an outage. @default 5000 */
  readonly silenceMs?: number;
  /** Failures count once they have gone on for so long; a single one is repeated by the writer. @default 500 */
  readonly failingMs?: number;
  /** Pause between tests while something is wrong. @default 1000 */
  readonly retryMs?: number;
  /** A spool that was not written to for so long is tested. @default 15000 */
  readonly idleMs?: number;
}

/** A running watch. */
export interface SpoolWatch {
  /** The store; what is written through it is watched. */
  readonly store: ObjectStore;
  /** Why it takes no writes, or undefined. */
  problem(): string | undefined;
  stop(): void;
}

const testDeadlineMs = 10_000;

/** Starts watching a store. */
export function watchSpool(store: ObjectStore, times: SpoolWatchTimes = {}): SpoolWatch {
  return new WatchedStore(store, times);
}

class WatchedStore implements SpoolWatch {
  readonly store: ObjectStore;
  readonly #inner: ObjectStore;
  readonly #times: Required<SpoolWatchTimes>;
  /** When each PUT without an answer was sent; a Set keeps the order. */
  readonly #inFlight = new Set<{ readonly sentAt: number }>();
  readonly #timer: NodeJS.Timeout;
  #goodAt = performance.now();
  #failingSince: number | undefined;
  #failure = '';
  #testedAt = performance.now();
  #isTesting = false;

  constructor(inner: ObjectStore, times: SpoolWatchTimes) {
    this.#inner = inner;
    this.#times = { silenceMs: 5000, failingMs: 500, retryMs: 1000, idleMs: 15_000, ...times };
    this.store = this.#wrap();
    this.#timer = setInterval(() => this.#tick(), Math.min(250, this.#times.retryMs));
  }

  problem(): string | undefined {
    const now = performance.now();
    const { silenceMs, failingMs } = this.#times;
    const place = this.#inner.location;
    if (this.#failingSince !== undefined && now - this.#failingSince >= failingMs)
      return `${place} takes no writes: ${this.#failure}`;
    const [oldest] = this.#inFlight;
    if (oldest === undefined || now - oldest.sentAt < silenceMs) return undefined;
    return `${place} has not answered a write for ${Math.round((now - oldest.sentAt) / 1000)} s`;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #wrap(): ObjectStore {
    const inner = this.#inner;
    return {
      location: inner.location,
      create: (key, parts, deadlineMs) => this.#follow(inner.create(key, parts, deadlineMs)),
      createStream: async (key) => {
        const upload = await this.#note(inner.createStream(key));
        return {
          get bufferedBytes() {
            return upload.bufferedBytes;
          },
          write: (chunk) => this.#note(upload.write(chunk)),
          finish: (deadlineMs) => this.#follow(upload.finish(deadlineMs)),
          abort: () => upload.abort(),
        };
      },
      size: (key) => inner.size(key),
      read: (key, range) => inner.read(key, range),
      readStream: (key, range) => inner.readStream(key, range),
      list: (prefix, after) => inner.list(prefix, after),
      remove: (key) => inner.remove(key),
      close: () => inner.close(),
    };
  }

  /** A write that makes an object: its answer is a sign of health, its silence one of an outage. */
  async #follow(put: Promise<CreateResult>): Promise<CreateResult> {
    const sent = { sentAt: performance.now() };
    this.#inFlight.add(sent);
    try {
      const result = await this.#note(put, sent.sentAt);
      this.#goodAt = performance.now();
      this.#failingSince = undefined;
      return result;
    } finally {
      this.#inFlight.delete(sent);
    }
  }

  /** Passes the result on and remembers a refusal; a write that was given up after seconds has been failing all the time. */
  async #note<Result>(work: Promise<Result>, sinceMs = performance.now()): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof SpoolUnavailableError) {
        this.#failingSince ??= sinceMs;
        this.#failure = describe(error);
      }
      throw error;
    }
  }

  #tick(): void {
    const now = performance.now();
    const { retryMs, idleMs } = this.#times;
    const isWrong = this.#failingSince !== undefined || this.problem() !== undefined;
    const isDue = now - this.#testedAt >= (isWrong ? retryMs : idleMs);
    if (this.#isTesting || !isDue || (!isWrong && now - this.#goodAt < idleMs)) return;
    this.#isTesting = true;
    void this.#test().finally(() => {
      this.#testedAt = performance.now();
      this.#isTesting = false;
    });
  }

  async #test(): Promise<void> {
    const key = `probe/${randomBytes(12).toString('hex')}`;
    try {
      await this.store.create(key, [Buffer.from('probe')], testDeadlineMs);
      await this.#inner.remove(key);
    } catch (error) {
      // Remembered by the write itself; what a failed removal leaves is a few octets.
      if (!(error instanceof SpoolUnavailableError)) throw error;
    }
  }
}

/** The innermost words: `EROFS`, `connect ECONNREFUSED 127.0.0.1:9000`, `SlowDown`. */
function describe(error: SpoolUnavailableError): string {
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === ''
    ? cause.name
    : `${cause.name === 'Error' ? '' : `${cause.name}: `}${cause.message}`;
}
