/**
 * The configuration as a running process reads it (blueprint section 6): watches the bucket, applies a revision only when
 * it holds every unit that the root names, with the right hash, swaps atomically and keeps the last good one on disk.
 */
import type { ConfigSnapshot } from '@railpost/config';

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
