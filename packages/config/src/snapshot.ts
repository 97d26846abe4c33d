/**
 * A snapshot: one consistent configuration over compiled units. Made when a root and all units it names are at hand; parsing is
 * lazy, unit by unit, and units that did not change are taken over from the previous snapshot.
 */
import { toALabels } from './a-label.ts';
import { Directory } from './lookup.ts';
import type { ConfigSnapshot, LoginRecord } from './resolution.ts';
import { resolve } from './resolve.ts';
import type { MailboxSettings } from './settings.ts';
import { decodeBase64 } from './kinds/secret.ts';
import {
  type PlatformUnit,
  type RoutesUnitHead,
  UnitReader,
  parseRoot,
  platformUnitKey,
  rootUnitKey,
  routesUnitKey,
} from './unit.ts';
import { verifyRecipient } from './verify.ts';

/** Readers of snapshots, for the next one to take over from; a snapshot itself shows only what it answers. */
const readers = new WeakMap<ConfigSnapshot, UnitReader>();

/** Units that the root names and that are not there, or whose bytes have another hash. Empty: the revision is complete. */
export function missingUnits(
  units: ReadonlyMap<string, Uint8Array>,
  hash: (bytes: Uint8Array) => string,
): string[] {
  const bytes = units.get(rootUnitKey);
  if (bytes === undefined) return [rootUnitKey];
  return Object.entries(parseRoot(bytes).units)
    .filter(([key, expected]) => {
      const unit = units.get(key);
      return unit === undefined || hash(unit).slice(0, expected.length) !== expected;
    })
    .map(([key]) => key);
}

/**
 * Makes a snapshot of complete units ({@link missingUnits} is empty); the map must not be changed afterwards.
 * @throws RangeError when there is no root or no platform, or when they are of an unknown version
 */
export function createSnapshot(
  units: ReadonlyMap<string, Uint8Array>,
  previous?: ConfigSnapshot,
): ConfigSnapshot {
  const reader = new UnitReader(units, previous === undefined ? undefined : readers.get(previous));
  if (reader.root === undefined) throw new RangeError('the configuration has no root');
  const directory = new Directory(reader);
  const snapshot: ConfigSnapshot = {
    root: reader.root.hash,
    revision: reader.root.revision,
    platform: directory.platform,
    domain: (name) => directory.domain(toALabels(name)),
    mailbox: (address) => findMailbox(directory, address),
    verifyRecipient: (address, sender = '') => verifyRecipient(directory, address, sender),
    login: (login) => findLogin(directory, login),
    resolve: (recipient, sender) => resolve(directory, recipient, sender),
    secret: (key) => findSecret(reader, key),
  };
  readers.set(snapshot, reader);
  return snapshot;
}

/** How many units the snapshot has parsed itself (and not taken over): for tests and metrics. */
export function parsedUnits(snapshot: ConfigSnapshot): number {
  return readers.get(snapshot)?.parsedCount ?? 0;
}

function findMailbox(directory: Directory, address: string): MailboxSettings | undefined {
  const identity = directory.identify(directory.parse(address));
  if (identity.kind === 'domain-alias') return findMailbox(directory, identity.target);
  return identity.kind === 'mailbox' ? identity.mailbox : undefined;
}

function findLogin(directory: Directory, login: string): LoginRecord | undefined {
  const address = directory.parse(login);
  const domain = address.isQualified ? directory.domain(address.domain) : undefined;
  const found = domain === undefined ? undefined : directory.mailbox(domain, address.local)?.settings;
  if (found?.passwordHash === undefined) return undefined;
  return {
    login: found.address,
    passwordHash: found.passwordHash,
    isEnabled: found.state === 'Enabled' || found.state === 'SendOnly',
  };
}

function findSecret(reader: UnitReader, key: string): Uint8Array | undefined {
  const sealed =
    reader.read<PlatformUnit>(platformUnitKey)?.secrets[key] ??
    reader.read<RoutesUnitHead>(routesUnitKey)?.secrets[key];
  return sealed === undefined ? undefined : decodeBase64(sealed);
}
