/**
 * A cache of whole objects bounded by their octets, least recently used out first; concurrent loads of one key share one read.
 */

/** Loads objects by key and keeps the latest. */
export class ByteCache {
  readonly #limitBytes: number;
  readonly #load: (key: string) => Promise<Uint8Array>;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Uint8Array>();
  readonly #loading = new Map<string, Promise<Uint8Array>>();
  #usedBytes = 0;

  constructor(limitBytes: number, load: (key: string) => Promise<Uint8Array>) {
    this.#limitBytes = limitBytes;
    this.#load = load;
  }

  /** True when `get` would not cause a read. */
  has(key: string): boolean {
    return this.#entries.has(key) || this.#loading.has(key);
  }

  async get(key: string): Promise<Uint8Array> {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const loading = this.#load(key);
    this.#loading.set(key, loading);
    try {
      const octets = await loading;
      this.#keep(key, octets);
      return octets;
    } finally {
      this.#loading.delete(key);
    }
  }

  /** What `get` would find without a read. */
  peek(key: string): Uint8Array | undefined {
    return this.#entries.get(key);
  }

  /** Takes octets that the caller has and does not change. */
  put(key: string, octets: Uint8Array): void {
    this.forget(key);
    this.#keep(key, octets);
  }

  forget(key: string): void {
    this.#usedBytes -= this.#entries.get(key)?.length ?? 0;
    this.#entries.delete(key);
  }

  #keep(key: string, octets: Uint8Array): void {
    if (octets.length > this.#limitBytes) return;
    this.#entries.set(key, octets);
    this.#usedBytes += octets.length;
    for (const eldest of this.#entries.keys()) {
      if (this.#usedBytes <= this.#limitBytes) return;
      this.forget(eldest);
    }
  }
}
