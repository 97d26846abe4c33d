/**
 * Who an address of ours is: the one lookup behind RCPT, expansion and delivery. Order (Postfix virtual(5)): the whole local
 * part, then the local part without extension, then catch-all, postmaster, and the rule of the class.
 */
import { RE2JS } from 're2js';
import { type Address, parseAddress, splitExtension } from './address.ts';
import type { DomainSettings, MailboxSettings, PlatformSettings } from './settings.ts';
import {
  type DomainEntry,
  type DomainUnitHead,
  type PlatformUnit,
  type RouteEntry,
  type UnitReader,
  domainUnitKey,
  platformUnitKey,
  routeKey,
  routesUnitKey,
} from './unit.ts';

/** What a lookup found. `mailbox` is the Mailbox behind a Mailbox alias as well. */
export type Identity =
  | { readonly kind: 'foreign' }
  /** Class Alias: the same local part of another domain. */
  | { readonly kind: 'domain-alias'; readonly domain: DomainSettings; readonly target: string }
  | {
      readonly kind: 'mailbox';
      readonly domain: DomainSettings;
      readonly mailbox: MailboxSettings;
      readonly object: string;
      /** What the address lacks to be the Mailbox's own: its extension. */
      readonly extension: string;
      /** True: the address is an alias of the Mailbox. */
      readonly isAlias: boolean;
    }
  | {
      readonly kind: 'alias';
      readonly domain: DomainSettings;
      readonly object: string;
      readonly to: readonly string[];
      readonly extension: string;
    }
  | { readonly kind: 'catch-all'; readonly domain: DomainSettings; readonly to: string }
  /** Nobody's own postmaster: that of the platform (RFC 5321 section 4.5.1). */
  | { readonly kind: 'postmaster'; readonly domain: DomainSettings | undefined; readonly to: string }
  /** Class Relay: `isListed` says whether RCPT may name it. */
  | { readonly kind: 'relay'; readonly domain: DomainSettings; readonly isListed: boolean }
  | { readonly kind: 'unknown'; readonly domain: DomainSettings | undefined };

/** Lookups over the units of one configuration. */
export class Directory {
  readonly platform: PlatformSettings;
  readonly #reader: UnitReader;
  readonly #patterns = new Map<string, readonly RE2JS[]>();

  constructor(reader: UnitReader) {
    const unit = reader.read<PlatformUnit>(platformUnitKey);
    if (unit === undefined) throw new RangeError('the configuration has no platform unit');
    this.#reader = reader;
    this.platform = unit.platform;
  }

  /** Takes an address apart, completed by the origin. */
  parse(address: string): Address {
    return parseAddress(address, this.platform.origin);
  }

  /** Our domain of that name, which must be A-labels in lower case. */
  domain(name: string): DomainSettings | undefined {
    return this.#reader.read<DomainUnitHead>(domainUnitKey(name))?.domain;
  }

  /** The route with exactly this match ({@link routeKey}). */
  route(key: string): RouteEntry | undefined {
    return this.#reader.entry<RouteEntry>(routesUnitKey, key);
  }

  /** Delimiters that matter for addresses of this domain; others' domains: Postfix's usual `+`. */
  delimiters(domain: DomainSettings | undefined): string {
    return domain?.recipientDelimiters ?? '+';
  }

  /** The Mailbox with exactly this local part. */
  mailbox(
    domain: DomainSettings,
    localPart: string,
  ): { readonly settings: MailboxSettings; readonly object: string } | undefined {
    const entry = this.#entry(domain, localPart);
    if (entry?.kind !== 'mailbox') return undefined;
    return { settings: mailboxSettings(domain, localPart, entry), object: entry.object };
  }

  /** Who the address is. */
  identify(address: Address): Identity {
    const domain = this.domain(address.domain);
    if (domain === undefined) return this.#identifyForeign(address);
    if (domain.class === 'Alias') {
      return { kind: 'domain-alias', domain, target: `${address.localPart}@${domain.aliasOf ?? ''}` };
    }
    const { base, extension } = splitExtension(address.local, domain.recipientDelimiters);
    const exact = this.#identifyEntry(domain, address.local, '');
    if (exact !== undefined) return exact;
    const stripped = extension === '' ? undefined : this.#identifyEntry(domain, base, extension);
    return stripped ?? this.#identifyRest(domain, address.local, base);
  }

  /**
   * Our host name is ours even when it is no MailDomain (Postfix mydestination): postmaster and the sender of our reports are there,
   * nobody else is, unless a route says where such mail goes.
   */
  #identifyForeign(address: Address): Identity {
    const { hostname, origin, postmaster } = this.platform;
    const isHost = address.domain === hostname;
    const isRole = address.local === 'postmaster' || address.local === 'mailer-daemon';
    if (isRole && (isHost || address.domain === origin || !address.isQualified)) {
      return postmaster === undefined
        ? { kind: 'unknown', domain: undefined }
        : { kind: 'postmaster', domain: undefined, to: postmaster };
    }
    const isRouted = this.route(routeKey.domain(hostname)) !== undefined;
    return isHost && !isRouted ? { kind: 'unknown', domain: undefined } : { kind: 'foreign' };
  }

  #identifyEntry(domain: DomainSettings, local: string, extension: string): Identity | undefined {
    const entry = this.#entry(domain, local);
    if (entry === undefined) return undefined;
    if (entry.kind === 'alias') {
      return { kind: 'alias', domain, object: entry.object, to: entry.to, extension };
    }
    const isAlias = entry.kind === 'mailbox-alias';
    const own = isAlias ? entry.of : local;
    const found = this.mailbox(domain, own);
    if (found === undefined) return undefined;
    return { kind: 'mailbox', domain, mailbox: found.settings, object: found.object, extension, isAlias };
  }

  #identifyRest(domain: DomainSettings, local: string, base: string): Identity {
    if (domain.class === 'Relay') {
      return { kind: 'relay', domain, isListed: this.#isListed(domain, local, base) };
    }
    if (domain.catchAll !== undefined) return { kind: 'catch-all', domain, to: domain.catchAll };
    const { postmaster } = this.platform;
    if (local === 'postmaster' && postmaster !== undefined)
      return { kind: 'postmaster', domain, to: postmaster };
    return { kind: 'unknown', domain };
  }

  #isListed(domain: DomainSettings, local: string, base: string): boolean {
    const { recipients } = domain;
    if (recipients === undefined || recipients.mode === 'AcceptAll') return true;
    if (recipients.list.includes(local) || recipients.list.includes(base)) return true;
    return this.#patternsOf(domain).some((pattern) => pattern.matcher(base).find());
  }

  #patternsOf(domain: DomainSettings): readonly RE2JS[] {
    const known = this.#patterns.get(domain.domain);
    if (known !== undefined) return known;
    const sources = domain.recipients?.patterns ?? [];
    const compiled = sources.map((source) => RE2JS.compile(source, RE2JS.CASE_INSENSITIVE));
    this.#patterns.set(domain.domain, compiled);
    return compiled;
  }

  #entry(domain: DomainSettings, local: string): DomainEntry | undefined {
    return this.#reader.entry<DomainEntry>(domainUnitKey(domain.domain), local);
  }
}

function mailboxSettings(
  domain: DomainSettings,
  localPart: string,
  entry: Extract<DomainEntry, { readonly kind: 'mailbox' }>,
): MailboxSettings {
  return {
    address: `${localPart}@${domain.domain}`,
    localPart,
    domain: domain.domain,
    state: entry.state,
    passwordHash: entry.passwordHash,
    forwarding: entry.forwarding,
    delivery: entry.delivery,
    quotaBytes: entry.quotaBytes,
  };
}
