/**
 * What the configuration answers: the questions that ingress, cleanup, the agents and `explain` ask of one snapshot.
 * All answers are pure functions of the snapshot and the question; nothing here waits or fails.
 * Addresses come as in an envelope (no angle brackets, any case, quoted local-part allowed, domain may be missing).
 */
import type { NextHop, NextHopTls } from '@railpost/contracts';
import type { DomainSettings, MailboxSettings, PlatformSettings } from './settings.ts';

/** Answer to RCPT (rows A8, A9). */
export type RecipientVerdict =
  /** Accept from anybody: a valid recipient of `domain`, which is ours. */
  | { readonly verdict: 'ours'; readonly domain: string }
  /** Our domain, but nobody of that name: 550 5.1.1. */
  | { readonly verdict: 'unknown-user'; readonly domain: string }
  /** A Mailbox that takes no mail (state SendOnly or Disabled): 550 5.2.1. */
  | { readonly verdict: 'disabled'; readonly domain: string }
  /**
   * A route says `error:` (`code` 5.x.x: 550) or `retry:` (4.x.x: 450): refuse now what would be returned later. `domain` is
   * undefined when the domain is not ours; then those who may not relay hear the relay refusal first.
   */
  | {
      readonly verdict: 'refused';
      readonly domain: string | undefined;
      readonly code: string;
      readonly text: string;
    }
  /** Not our domain: only those who may relay (554 5.7.1 for others). */
  | { readonly verdict: 'not-ours' };

/** A login and what is needed to check its password. */
export interface LoginRecord {
  /** The full address, lower case. */
  readonly login: string;
  readonly passwordHash: string;
  /** False: states ReceiveOnly and Disabled; refuse like a wrong password. */
  readonly isEnabled: boolean;
}

/** One replacement on the way from an original recipient to its finals. */
export interface ExpansionStep {
  readonly from: string;
  readonly to: readonly string[];
  /** In words: `AliasMap default/roles`, `Mailbox default/alice forwarding`, `MailDomain example.test catch-all`. */
  readonly rule: string;
}

/** One final recipient and where it goes. */
export interface FinalRecipient {
  /** Address after expansion; keeps the extension and, without expansion, the local part as it was given. */
  readonly address: string;
  /** Complete: `smtp` has `mx` or `hosts`, `mailbox` its domain. `tls` only when the route has a policy of its own. */
  readonly nextHop: NextHop;
  /** `destinationOf(nextHop)`. */
  readonly destination: string;
  /** TLS policy in force for `smtp` (the next hop's own, else the platform's); undefined for other transports. */
  readonly tls: NextHopTls | undefined;
  /** Our domain that the address belongs to, if one: what `suspend` works by. */
  readonly mailDomain: string | undefined;
  /** Which rule decided the next hop, in words: `TransportMap default/outbound route partner (domain partner.test)`. */
  readonly rule: string;
}

/** What happens to one original recipient. */
export interface Resolution {
  /** Never empty: what expands to nothing, circles or explodes ends in `error:` or `retry:` (durability rule 14). */
  readonly finals: readonly FinalRecipient[];
  readonly steps: readonly ExpansionStep[];
}

/** One consistent configuration. Immutable; a change makes another snapshot. */
export interface ConfigSnapshot {
  /** Hash over the hashes of all units: equal roots are equal configurations. */
  readonly root: string;
  /** Counts up with every change of the platform that published it. */
  readonly revision: number;
  readonly platform: PlatformSettings;
  /** Our domain of that name (any case, A-labels or U-labels), if it is one. */
  domain(name: string): DomainSettings | undefined;
  /** The Mailbox that stores mail for this address: extension and Mailbox aliases followed, AliasMaps not. */
  mailbox(address: string): MailboxSettings | undefined;
  /** Whether RCPT may name this address. `sender` only decides sender routes to `error:`. */
  verifyRecipient(address: string, sender?: string): RecipientVerdict;
  /** The Mailbox with this login and a password, if any. */
  login(login: string): LoginRecord | undefined;
  /** The one resolver. `sender` is the reverse-path; empty for the null reverse-path. Deterministic. */
  resolve(recipient: string, sender: string): Resolution;
  /** A sealed Secret by `<namespace>/<name>`; unsealed it is the JSON of an object of strings. */
  secret(key: string): Uint8Array | undefined;
}
