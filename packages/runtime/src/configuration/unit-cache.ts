/**
 * Gathers units as the bucket delivers them and says when a revision is complete: only when every unit that the root
 * names is here with the hash that the root names. A unit of a newer revision may arrive before its root; then the older
 * root can no longer be completed, and nothing is applied until the newer root comes.
 */
import { type ConfigRoot, parseRoot, rootUnitKey } from '@railpost/config';
import { ConfigurationInvalidError } from '../errors.ts';
import { hashUnit } from './unit-hash.ts';

interface HeldUnit {
  readonly bytes: Uint8Array;
  readonly hash: string;
}

/** Units in hand. */
export class UnitCache {
  readonly #held = new Map<string, HeldUnit>();
  #rootBytes: Uint8Array | undefined;
  #root: ConfigRoot | undefined;
  #isRootDamaged = false;

  /** Takes a unit or the root. @throws ConfigurationInvalidError when a root cannot be read */
  put(key: string, bytes: Uint8Array): void {
    if (key !== rootUnitKey) {
      this.#held.set(key, { bytes, hash: hashUnit(bytes) });
      return;
    }
    try {
      this.#root = parseRoot(bytes);
      this.#rootBytes = bytes;
      this.#isRootDamaged = false;
    } catch (cause) {
      this.#root = undefined;
      this.#isRootDamaged = true;
      throw new ConfigurationInvalidError('the root in the bucket is damaged or of another version', {
        cause,
      });
    }
  }

  /** A unit was deleted; a deleted root changes nothing (the configuration in force stays). */
  remove(key: string): void {
    this.#held.delete(key);
  }

  /** Root hash that is being gathered, if a root is here. */
  get rootHash(): string | undefined {
    return this.#root?.hash;
  }

  /** Key of a unit that keeps the present root from being complete: missing, damaged, or of another revision. */
  get obstacle(): string | undefined {
    if (this.#isRootDamaged) return rootUnitKey;
    return Object.entries(this.#root?.units ?? {}).find(
      ([key, hash]) => this.#held.get(key)?.hash !== hash,
    )?.[0];
  }

  /** All units of the present root, the root included; undefined while one is missing. */
  complete(): ReadonlyMap<string, Uint8Array> | undefined {
    if (this.#root === undefined || this.#rootBytes === undefined) return undefined;
    const units = new Map<string, Uint8Array>([[rootUnitKey, this.#rootBytes]]);
    for (const [key, hash] of Object.entries(this.#root.units)) {
      const unit = this.#held.get(key);
      if (unit === undefined || unit.hash !== hash) return undefined;
      units.set(key, unit.bytes);
    }
    return units;
  }
}
