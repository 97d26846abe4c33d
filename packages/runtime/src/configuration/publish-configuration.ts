/**
 * Publishes a compiled configuration to the bucket: changed units first, the root last, units that it no longer names
 * deleted after it. A reader therefore never sees a root before its units, and a publisher that dies in between leaves the
 * revision before in force (or, when it had already replaced a unit, the configuration that readers hold).
 * One publisher at a time: `railpost up` holds the data folder's lock, the operator a lease.
 */
import type { Bus } from '@railpost/bus';
import { type ConfigRoot, parseRoot, rootUnitKey } from '@railpost/config';
import { hashUnit } from './unit-hash.ts';

/** Units in flight together: a thousand domains are published in one go at first. */
const putsAtOnce = 64;

/** What changed. */
export interface PublishedConfiguration {
  readonly root: string;
  readonly revision: number;
  /** Keys of units that were written. Empty: the bucket held this configuration already. */
  readonly written: readonly string[];
  readonly deleted: readonly string[];
}

/**
 * Publishes `units` (the root among them). Rejects when NATS does not answer; then it may be called again.
 * @param known what the bucket holds, when the caller was the last to publish and it went well; else it is read
 * @throws RangeError when the root is missing or does not name exactly the other units
 */
export async function publishConfiguration(
  bus: Bus,
  units: ReadonlyMap<string, Uint8Array>,
  known?: ReadonlyMap<string, Uint8Array>,
): Promise<PublishedConfiguration> {
  const root = checkedRoot(units);
  const bucket = await bus.openKv(bus.names.configurationBucket);
  const present = hashesOf(known ?? (await readPublishedUnits(bus)));
  const written: string[] = [];
  const changed = [...units].filter(([key]) => key !== rootUnitKey && present.get(key) !== root.units[key]);
  for (let start = 0; start < changed.length; start += putsAtOnce) {
    const some = changed.slice(start, start + putsAtOnce);
    await Promise.all(some.map(([key, bytes]) => bucket.put(key, bytes)));
    written.push(...some.map(([key]) => key));
  }
  const rootBytes = units.get(rootUnitKey);
  if (rootBytes !== undefined && present.get(rootUnitKey) !== hashUnit(rootBytes)) {
    await bucket.put(rootUnitKey, rootBytes);
    written.push(rootUnitKey);
  }
  const deleted = [...present.keys()].filter((key) => !units.has(key));
  for (const key of deleted) await bucket.delete(key);
  return { root: root.hash, revision: root.revision, written, deleted };
}

/** Reads the units that the bucket holds (the root among them); what the compiler takes revision and password hashes from. */
export async function readPublishedUnits(bus: Bus): Promise<ReadonlyMap<string, Uint8Array>> {
  const bucket = await bus.openKv(bus.names.configurationBucket);
  const units = new Map<string, Uint8Array>();
  for await (const entry of await bucket.history()) {
    if (entry.operation === 'PUT') units.set(entry.key, entry.value);
    else units.delete(entry.key);
  }
  return units;
}

function hashesOf(units: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, string> {
  return new Map([...units].map(([key, bytes]) => [key, hashUnit(bytes)]));
}

function checkedRoot(units: ReadonlyMap<string, Uint8Array>): ConfigRoot {
  const bytes = units.get(rootUnitKey);
  if (bytes === undefined) throw new RangeError('a configuration without root cannot be published');
  const root = parseRoot(bytes);
  const named = Object.keys(root.units);
  const isExact = named.length === units.size - 1 && named.every((key) => units.has(key));
  if (!isExact) throw new RangeError('the root does not name exactly the units that are to be published');
  return root;
}
