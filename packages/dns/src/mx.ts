/**
 * Which hosts take the mail of a domain, in which order (RFC 5321 section 5.1, RFC 7505): pure, but for the lookup that
 * is passed in. Hosts of equal preference are shuffled; hosts no better than ourselves are dropped, so that mail of a
 * domain for which we are a backup never runs in a circle.
 */
import { canonicalName } from './exchange.ts';
import type { Lookup, MailExchanger } from './resolver.ts';

/** What the MX records of a domain say. */
export type MailRoute =
  /** Try these in order; `isImplicit` when there were no MX records and the domain itself is the host. */
  | { readonly kind: 'hosts'; readonly hosts: readonly MailHost[]; readonly isImplicit: boolean }
  /** RFC 7505: the domain takes no mail. */
  | { readonly kind: 'null-mx' }
  | { readonly kind: 'no-domain' }
  /** We are its best host: a configuration error somewhere (Postfix: mail loops back to myself). */
  | { readonly kind: 'loop' };

/** A host to try; smaller preference first. */
export interface MailHost {
  readonly host: string;
  readonly preference: number;
}

/** What the choice depends on beside the records. */
export interface MailRouteFacts {
  readonly domain: string;
  /** Names under which we are known: an MX record with one of them is ourselves. */
  readonly ownNames: readonly string[];
  /** Random number in 0..1, exclusive. */
  readonly random: () => number;
}

/** Decides the route from the answer to the MX question. */
export function decideMailRoute(lookup: Lookup<MailExchanger>, facts: MailRouteFacts): MailRoute {
  if (lookup.kind === 'no-domain') return { kind: 'no-domain' };
  if (lookup.kind === 'no-data')
    return { kind: 'hosts', hosts: [{ host: facts.domain, preference: 0 }], isImplicit: true };
  const named = lookup.records.filter((record) => record.exchange !== '');
  // RFC 7505 section 3: one record with an empty name. Among others an empty name is just useless.
  if (named.length === 0) return { kind: 'null-mx' };

  const own = new Set(facts.ownNames.map(canonicalName));
  const ownPreferences = named
    .filter((record) => own.has(canonicalName(record.exchange)))
    .map((record) => record.preference);
  const limit = Math.min(Number.POSITIVE_INFINITY, ...ownPreferences);
  const better = named.filter((record) => record.preference < limit);
  if (better.length === 0) return { kind: 'loop' };
  const hosts = shuffle(better, facts.random)
    .sort((one, other) => one.preference - other.preference)
    .map((record) => ({ host: record.exchange, preference: record.preference }));
  return { kind: 'hosts', hosts, isImplicit: false };
}

/** A shuffled copy (Fisher and Yates). */
export function shuffle<Item>(items: readonly Item[], random: () => number): Item[] {
  const rest = [...items];
  const out: Item[] = [];
  while (rest.length > 0) out.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return out;
}
