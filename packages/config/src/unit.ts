/**
 * Units: the pieces in which a compiled configuration travels through KV. `platform`, `routes` and one `unit.<domain token>` per
 * MailDomain; `root` names them all with their hashes. A unit of entries above 512 KiB keeps its head and puts the entries into
 * parts by hash of their key, because NATS carries 1 MB; so one edited Mailbox still rewrites one part.
 */
import { destinationToken, shardOf } from '@railpost/contracts';
import { decodeUtf8 } from '@railpost/mail';
import { canonicalBytes } from './canonical.ts';
import type { DomainSettings, HopTemplate, MailboxState, PlatformSettings } from './settings.ts';

/** Key of the unit that is written last and names all others. */
export const rootUnitKey = 'root';
export const platformUnitKey = 'platform';
export const routesUnitKey = 'routes';

/** Above this many octets entries move into parts. */
export const unitLimitBytes: number = 512 * 1024;

/** Key of the unit of a domain (A-labels, lower case). */
export function domainUnitKey(domain: string): string {
  return `unit.${destinationToken(domain)}`;
}

/** Sealed Secrets by `<namespace>/<name>`, base64. */
export type SealedSecrets = Readonly<Record<string, string>>;

export interface PlatformUnit {
  readonly version: 1;
  readonly platform: PlatformSettings;
  readonly secrets: SealedSecrets;
}

/** Who an address of a domain is. `object` is `<namespace>/<name>` of the manifest. */
export type DomainEntry =
  | {
      readonly kind: 'mailbox';
      readonly object: string;
      readonly state: MailboxState;
      readonly passwordHash?: string;
      /** Tells whether passwordHash still belongs to the plain password of the Secret. */
      readonly passwordTag?: string;
      readonly forwarding?: { readonly to: readonly string[]; readonly keepCopy: boolean };
      readonly delivery?: HopTemplate;
      readonly quotaBytes?: number;
    }
  | { readonly kind: 'mailbox-alias'; readonly object: string; readonly of: string }
  | { readonly kind: 'alias'; readonly object: string; readonly to: readonly string[] };

/** One match of a route. */
export interface RouteEntry {
  /** `TransportMap default/outbound route partner`. */
  readonly rule: string;
  readonly hop: HopTemplate;
}

/** Keys of route matches in the `routes` unit. */
export const routeKey = {
  recipient: (address: string): string => `recipient ${address}`,
  domain: (domain: string): string => `domain ${domain}`,
  parent: (domain: string): string => `domain *.${domain}`,
  sender: (address: string): string => `sender ${address}`,
  senderDomain: (domain: string): string => `sender *@${domain}`,
  /** The default of a namespace other than the platform's: for recipients and senders of its domains only. */
  default: (namespace?: string): string =>
    namespace === undefined ? 'default' : `default of namespace ${namespace}`,
};

interface HeadForm {
  readonly version: 1;
  /** 0: the entries stand in the head. */
  readonly parts: number;
}

export interface DomainUnitHead extends HeadForm {
  readonly domain: DomainSettings;
}

export interface RoutesUnitHead extends HeadForm {
  readonly secrets: SealedSecrets;
}

interface PartForm<E> {
  readonly version: 1;
  readonly entries: Readonly<Record<string, E>>;
}

/** What a root says. */
export interface ConfigRoot {
  readonly version: 1;
  readonly revision: number;
  /** Hash over `units`. */
  readonly hash: string;
  /** First 32 hex digits of the SHA-256 of every unit, by key. */
  readonly units: Readonly<Record<string, string>>;
}

/** Reads a root. @throws SyntaxError or RangeError when the bytes are not a root of this version */
export function parseRoot(bytes: Uint8Array): ConfigRoot {
  return parseVersioned<ConfigRoot>(bytes);
}

/** Parses a unit. The root's hash vouches for what is in it, so that only the version is looked at. */
function parseVersioned<T extends { readonly version: 1 }>(bytes: Uint8Array): T {
  const value: unknown = JSON.parse(decodeUtf8(bytes));
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== 1) {
    throw new RangeError('the configuration unit is of a version that this release does not know');
  }
  return value as T; // compiled by compile.ts of the same version
}

/** Encodes a head with its entries, in parts when they are large. Returns the units by key. */
export function encodeEntries<H extends object, E>(
  key: string,
  head: H,
  entries: ReadonlyMap<string, E>,
): Map<string, Uint8Array> {
  const whole = canonicalBytes({ ...head, version: 1, parts: 0, entries: Object.fromEntries(entries) });
  if (whole.length <= unitLimitBytes || entries.size < 2) return new Map([[key, whole]]);
  for (let parts = 2; ; parts *= 2) {
    const units = encodeParts(key, head, entries, parts);
    const isFine = [...units].every(([name, bytes]) => name === key || bytes.length <= unitLimitBytes);
    if (isFine || parts >= 4096) return units;
  }
}

function encodeParts<H extends object, E>(
  key: string,
  head: H,
  entries: ReadonlyMap<string, E>,
  parts: number,
): Map<string, Uint8Array> {
  const buckets = Array.from({ length: parts }, (): [string, E][] => []);
  for (const entry of entries) buckets[shardOf(entry[0], parts)]?.push(entry);
  const units = new Map([[key, canonicalBytes({ ...head, version: 1, parts, entries: {} })]]);
  for (const [index, bucket] of buckets.entries()) {
    units.set(partKey(key, index), canonicalBytes({ version: 1, entries: Object.fromEntries(bucket) }));
  }
  return units;
}

function partKey(key: string, part: number): string {
  return `${key}.p${part}`;
}

/** Units with lazy parsing: each is parsed at most once, and those that did not change are taken over from a predecessor. */
export class UnitReader {
  readonly root: ConfigRoot | undefined;
  readonly #units: ReadonlyMap<string, Uint8Array>;
  readonly #parsed = new Map<string, unknown>();
  #parsedCount = 0;

  constructor(units: ReadonlyMap<string, Uint8Array>, predecessor?: UnitReader) {
    this.#units = units;
    const bytes = units.get(rootUnitKey);
    this.root = bytes === undefined ? undefined : parseRoot(bytes);
    if (predecessor === undefined) return;
    for (const [key, value] of predecessor.#parsed) {
      if (this.root?.units[key] !== undefined && this.root.units[key] === predecessor.root?.units[key]) {
        this.#parsed.set(key, value);
      }
    }
  }

  /** How many units this reader has parsed itself. */
  get parsedCount(): number {
    return this.#parsedCount;
  }

  /** The head of a unit, or a unit without parts; undefined when there is none of that key. */
  read<T extends { readonly version: 1 }>(key: string): T | undefined {
    if (!this.#parsed.has(key)) {
      const bytes = this.root?.units[key] === undefined ? undefined : this.#units.get(key);
      if (bytes === undefined) return undefined;
      this.#parsedCount += 1;
      this.#parsed.set(key, parseVersioned<T>(bytes));
    }
    return this.#parsed.get(key) as T; // put there above, under the same key and so of the same form
  }

  /** One entry of a unit. */
  entry<E>(key: string, name: string): E | undefined {
    const head = this.read<HeadForm & PartForm<E>>(key);
    if (head === undefined) return undefined;
    const part = head.parts === 0 ? head : this.read<PartForm<E>>(partKey(key, shardOf(name, head.parts)));
    return part !== undefined && Object.hasOwn(part.entries, name) ? part.entries[name] : undefined;
  }
}
