/**
 * The configuration as a running process reads it (blueprint section 6): watches the bucket, applies a revision only when
 * it holds every unit that the root names, with the right hash, swaps atomically and keeps the last good one on disk.
 * An unreadable revision changes nothing. The watch is renewed after every reconnect, because a bucket that was made anew
 * meanwhile ends it without a word.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus } from '@railpost/bus';
import { type ConfigSnapshot, createSnapshot } from '@railpost/config';
import type { EventLog } from '../events/event-log.ts';
import {
  configurationApplied,
  configurationNotKept,
  configurationRefused,
  configurationWatchFailed,
  secretUnreadable,
} from '../runtime-events.ts';
import { keepConfiguration, readKeptConfiguration } from './kept-configuration.ts';
import { unseal } from './seal.ts';
import { UnitCache } from './unit-cache.ts';

/** Reads the configuration. */
export interface ConfigurationReader {
  /** The snapshot in force. Take it once per message or session, so that one decision sees one configuration. */
  current(): ConfigSnapshot;
  /** Calls `listener` after each change, with the new snapshot; not for the present one. Returns a function that ends it. */
  onChange(listener: (snapshot: ConfigSnapshot) => void): () => void;
  /**
   * Opens a sealed Secret: its keys and values (`username`, `password`, `tls.crt`...). Undefined when there is no such
   * Secret in the snapshot in force, or the platform key does not open it (logged as an error).
   */
  unseal(secretKey: string): Readonly<Record<string, string>> | undefined;
}

/** What a reader needs. */
export interface ReaderOptions {
  readonly bus: Bus;
  readonly log: EventLog;
  /** Platform key; without one no secret opens. */
  readonly key: Uint8Array | undefined;
  /** Folder for the last good configuration. */
  readonly dataDirectory: string;
  /** Ends the wait for the first configuration. */
  readonly signal: AbortSignal;
  /** States that the bucket holds a revision that cannot be applied, or that this is over. */
  readonly setProblem?: (text: string | undefined) => void;
}

/** An open reader. */
export interface OpenConfigurationReader extends ConfigurationReader {
  close(): Promise<void>;
}

/** How long a start waits for the bucket when there is a configuration on disk. */
const preferBusMs = 2000;
const retryMs = 500;
/** A revision arrives unit by unit; one that is not whole after so long will not become so by itself. */
const incompleteMs = 2000;

/** Opens the reader; resolves with the first configuration, from the bucket or, when that gives none, from disk. */
export async function openConfigurationReader(options: ReaderOptions): Promise<OpenConfigurationReader> {
  const reader = new Reader(options);
  try {
    await reader.start();
  } catch (error) {
    await reader.close();
    throw error;
  }
  return reader;
}

class Reader implements OpenConfigurationReader {
  readonly #options: ReaderOptions;
  readonly #listeners = new Set<(snapshot: ConfigSnapshot) => void>();
  readonly #closing = new AbortController();
  #units = new UnitCache();
  #snapshot: ConfigSnapshot | undefined;
  #onFirst: (() => void) | undefined;
  #stopWatch: (() => void) | undefined;
  #removeReconnectListener: (() => void) | undefined;
  #kept: Promise<void> = Promise.resolve();
  readonly #inspection: NodeJS.Timeout;
  #obstacle: string | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#inspection = setInterval(() => this.#inspect(), incompleteMs);
  }

  async start(): Promise<void> {
    const { signal } = this.#options;
    const first = new Promise<void>((resolve) => {
      this.#onFirst = resolve;
    });
    void this.#watchForever();
    this.#removeReconnectListener = this.#options.bus.onReconnect(() => this.#stopWatch?.());
    const kept = await this.#readKept();
    if (kept !== undefined) {
      await Promise.race([first, sleep(preferBusMs, undefined, { ref: false })]);
      if (this.#snapshot === undefined) this.#apply(kept, 'disk');
      return;
    }
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    await Promise.race([first, aborted]);
  }

  current(): ConfigSnapshot {
    // start() resolves only with a snapshot, and nobody gets a reader before.
    if (this.#snapshot === undefined) throw new Error('the configuration reader has not started');
    return this.#snapshot;
  }

  onChange(listener: (snapshot: ConfigSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  unseal(secretKey: string): Readonly<Record<string, string>> | undefined {
    const { key, log } = this.#options;
    const sealed = this.current().secret(secretKey);
    if (sealed === undefined) return undefined;
    if (key === undefined) {
      secretUnreadable(log, { secret: secretKey, reason: 'no --platform-key-file' });
      return undefined;
    }
    try {
      return readSecret(unseal(key, secretKey, sealed));
    } catch (error) {
      secretUnreadable(log, { secret: secretKey, reason: describe(error) });
      return undefined;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#inspection);
    this.#removeReconnectListener?.();
    this.#stopWatch?.();
    await this.#kept;
  }

  async #watchForever(): Promise<void> {
    const { bus, log } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        await this.#watchOnce();
      } catch (error) {
        if (!this.#closing.signal.aborted && !bus.connection.isClosed())
          configurationWatchFailed(log, { reason: describe(error) });
      }
      await sleep(retryMs, undefined, { ref: false });
    }
  }

  async #watchOnce(): Promise<void> {
    const { bus, log } = this.#options;
    const bucket = await bus.openKv(bus.names.configurationBucket);
    // A new watch delivers every key again, so a new cache cannot lack one.
    const units = new UnitCache();
    const watch = await bucket.watch();
    this.#stopWatch = () => watch.stop();
    this.#units = units;
    for await (const entry of watch) {
      if (this.#closing.signal.aborted) return;
      try {
        if (entry.operation === 'PUT') units.put(entry.key, entry.value);
        else units.remove(entry.key);
        this.#applyWhenComplete();
      } catch (error) {
        configurationRefused(log, { origin: 'bus', reason: describe(error) });
      }
    }
  }

  /** A unit that was in the way at the last look, and is still, is damaged (or its publisher died half way). */
  #inspect(): void {
    const { obstacle } = this.#units;
    const isLasting = obstacle !== undefined && obstacle === this.#obstacle;
    this.#obstacle = obstacle;
    this.#options.setProblem?.(
      isLasting
        ? `configuration unit ${obstacle} in the bucket is damaged or missing; the last good configuration stays in force; publish it again (railpost up does at its next start)`
        : undefined,
    );
  }

  #applyWhenComplete(): void {
    const { rootHash } = this.#units;
    if (rootHash === undefined || rootHash === this.#snapshot?.root) return;
    const units = this.#units.complete();
    if (units === undefined) return;
    this.#apply(units, 'bus');
    const { dataDirectory, log } = this.#options;
    this.#kept = this.#kept
      .then(() => keepConfiguration(dataDirectory, units))
      .catch((error: unknown) => configurationNotKept(log, { reason: describe(error) }));
  }

  #apply(units: ReadonlyMap<string, Uint8Array>, origin: 'bus' | 'disk'): void {
    const snapshot = createSnapshot(units, this.#snapshot);
    this.#snapshot = snapshot;
    configurationApplied(this.#options.log, {
      revision: snapshot.revision,
      root: snapshot.root,
      units: units.size - 1,
      origin,
    });
    this.#onFirst?.();
    for (const listener of this.#listeners) listener(snapshot);
  }

  async #readKept(): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    const { dataDirectory, log } = this.#options;
    try {
      return await readKeptConfiguration(dataDirectory);
    } catch (error) {
      configurationRefused(log, { origin: 'disk', reason: describe(error) });
      return undefined;
    }
  }
}

function readSecret(plaintext: Uint8Array): Readonly<Record<string, string>> {
  const values: unknown = JSON.parse(Buffer.from(plaintext).toString('utf8'));
  if (typeof values !== 'object' || values === null) return {};
  return Object.fromEntries(
    Object.entries(values).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
