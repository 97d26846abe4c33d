/** An object store with scripted faults in front of a real one: what a network between us and the store can do to a create. */
import {
  type CreateResult,
  type ListedObject,
  type ObjectRange,
  type ObjectStore,
  type ObjectUpload,
  SpoolUnavailableError,
} from '@railpost/spool';

/** What happens to one create. */
export type Fault =
  | 'pass'
  /** Refused before anything happened. */
  | 'refused'
  /** It happened, but the answer got lost. */
  | 'answer-lost'
  /** No answer, and it never happened. */
  | 'request-lost'
  /** No answer; it happens later, when `land()` is called. */
  | 'delayed';

/** Faults are taken in order, one per create; when they are used up, creates pass. */
export class FaultyStore implements ObjectStore {
  readonly location = 'faulty';
  readonly creates: string[] = [];
  readonly reads: string[] = [];
  faults: Fault[] = [];
  /** When set, creates wait for it. */
  gate: Promise<void> | undefined;
  readonly #inner: ObjectStore;
  readonly #delayed: (() => Promise<CreateResult>)[] = [];

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  async create(key: string, parts: readonly Uint8Array[]): Promise<CreateResult> {
    this.creates.push(`${key} ${parts.length === 0 ? 'void' : 'content'}`);
    await this.gate;
    return this.#act(() => this.#inner.create(key, parts));
  }

  async createStream(key: string): Promise<ObjectUpload> {
    const upload = await this.#inner.createStream(key);
    return {
      get bufferedBytes() {
        return upload.bufferedBytes;
      },
      write: (chunk) => upload.write(chunk),
      finish: () => this.#act(() => upload.finish()),
      abort: () => upload.abort(),
    };
  }

  /** Carries out what was delayed. */
  async land(): Promise<CreateResult[]> {
    return Promise.all(this.#delayed.splice(0).map((action) => action()));
  }

  size(key: string): Promise<number> {
    return this.#inner.size(key);
  }

  read(key: string, range?: ObjectRange): Promise<Uint8Array> {
    this.reads.push(range === undefined ? `${key} whole` : `${key} range`);
    return this.#inner.read(key, range);
  }

  readStream(key: string, range?: ObjectRange): AsyncIterable<Uint8Array> {
    return this.#inner.readStream(key, range);
  }

  list(prefix: string, after?: string): AsyncIterable<ListedObject> {
    return this.#inner.list(prefix, after);
  }

  remove(key: string): Promise<void> {
    return this.#inner.remove(key);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #act(action: () => Promise<CreateResult>): Promise<CreateResult> {
    switch (this.faults.shift() ?? 'pass') {
      case 'pass':
        return action();
      case 'refused':
        throw new SpoolUnavailableError('refused', { effect: 'none' });
      case 'answer-lost':
        await action();
        throw new SpoolUnavailableError('no answer', { effect: 'unknown' });
      case 'request-lost':
        throw new SpoolUnavailableError('no answer', { effect: 'unknown' });
      case 'delayed':
        this.#delayed.push(action);
        throw new SpoolUnavailableError('no answer', { effect: 'unknown' });
    }
  }
}
