/**
 * The one resolver: what becomes of one original recipient. Expands alias domains, AliasMaps, Mailbox aliases, forwarding,
 * catch-all and postmaster until only finals are left, and routes each. Ingress, cleanup, the agents and `explain` use it, so
 * that what `explain` prints is what happens.
 *
 * Every address is expanded once: circles end there. A circle that closes at a Mailbox which forwards leaves the mail in that
 * Mailbox (nobody else would have it); one of aliases only ends in `error:` 5.4.6. More than 1000 finals end in `retry:` 4.6.0,
 * so that a human can mend the list before mail is returned.
 */
import { type NextHop, destinationOf } from '@railpost/contracts';
import { type Address, addressKey, withExtension } from './address.ts';
import type { Directory, Identity } from './lookup.ts';
import type { ExpansionStep, FinalRecipient, Resolution } from './resolution.ts';
import { type Route, type RouteQuestion, decideRoute } from './route.ts';
import type { DomainSettings } from './settings.ts';

/** Most finals of one original (Postfix virtual_alias_expansion_limit). */
const expansionLimit = 1000;
/** Most addresses looked at for one original: every final may have been reached by a chain of a few. */
const visitLimit = 5 * expansionLimit;
/** Longest chain (Postfix virtual_alias_recursion_limit is 1000; nobody means more than this). */
const chainLimit = 100;

interface Expansion {
  readonly directory: Directory;
  readonly sender: Address | undefined;
  /** By {@link addressKey}, in order of discovery. */
  readonly finals: Map<string, FinalRecipient>;
  readonly steps: ExpansionStep[];
  readonly visited: Set<string>;
  hasOverflowed: boolean;
}

/** Resolves one recipient for one sender (the empty string is the null reverse-path). */
export function resolve(directory: Directory, recipient: string, sender: string): Resolution {
  const expansion: Expansion = {
    directory,
    sender: sender === '' ? undefined : directory.parse(sender),
    finals: new Map(),
    steps: [],
    visited: new Set(),
    hasOverflowed: false,
  };
  const original = directory.parse(recipient);
  expand(expansion, original, []);
  if (expansion.hasOverflowed) return overflow(expansion, original);
  if (expansion.finals.size === 0) {
    addFixed(expansion, original, undefined, {
      nextHop: {
        transport: 'error',
        code: '5.4.6',
        text: 'the alias leads back to itself and to nobody else',
      },
      rule: 'alias circle',
    });
  }
  return { finals: [...expansion.finals.values()], steps: expansion.steps };
}

function overflow(expansion: Expansion, original: Address): Resolution {
  const text = `the address expands to more than ${expansionLimit} recipients or too many steps`;
  expansion.finals.clear();
  addFixed(expansion, original, undefined, {
    nextHop: { transport: 'retry', code: '4.6.0', text },
    rule: 'expansion limit',
  });
  return { finals: [...expansion.finals.values()], steps: [] };
}

/** `chain` holds the keys of the addresses that led here. */
function expand(expansion: Expansion, address: Address, chain: readonly string[]): void {
  if (expansion.hasOverflowed) return;
  const key = addressKey(address);
  const identity = expansion.directory.identify(address);
  if (expansion.visited.has(key)) {
    if (chain.includes(key) && identity.kind === 'mailbox') addFinal(expansion, address, identity);
    return;
  }
  expansion.visited.add(key);
  expansion.hasOverflowed = expansion.visited.size > visitLimit || chain.length > chainLimit;
  const replacement = replacementOf(identity);
  if (replacement !== undefined) return follow(expansion, address, chain, replacement);
  if (identity.kind === 'mailbox') return expandMailbox(expansion, address, chain, identity);
  if (identity.kind === 'foreign' || identity.kind === 'relay') return addFinal(expansion, address, identity);
  addFixed(expansion, address, identity.domain, {
    nextHop: { transport: 'error', code: '5.1.1', text: 'there is no such recipient here' },
    rule:
      identity.domain === undefined ? 'no postmaster' : `MailDomain ${nameOf(identity.domain)} recipients`,
  });
}

interface Replacement {
  readonly to: readonly string[];
  readonly rule: string;
}

/** What stands for the address, if it is not somebody itself. */
function replacementOf(identity: Identity): Replacement | undefined {
  switch (identity.kind) {
    case 'domain-alias':
      return { to: [identity.target], rule: `MailDomain ${nameOf(identity.domain)} aliasOf` };
    case 'alias': {
      const to = identity.to.map((each) => withExtension(each, identity.extension));
      return { to, rule: `AliasMap ${identity.object}` };
    }
    case 'catch-all':
      return { to: [identity.to], rule: `MailDomain ${nameOf(identity.domain)} catchAll` };
    case 'postmaster':
      return { to: [identity.to], rule: 'postmaster of the platform' };
    case 'mailbox': {
      if (!identity.isAlias) return undefined;
      const own = withExtension(identity.mailbox.address, identity.extension);
      return { to: [own], rule: `Mailbox ${identity.object} aliases` };
    }
    default:
      return undefined;
  }
}

function expandMailbox(
  expansion: Expansion,
  address: Address,
  chain: readonly string[],
  identity: Extract<Identity, { readonly kind: 'mailbox' }>,
): void {
  const { mailbox, object } = identity;
  if (mailbox.state === 'SendOnly' || mailbox.state === 'Disabled') {
    return addFixed(expansion, address, identity.domain, {
      nextHop: { transport: 'error', code: '5.2.1', text: 'the mailbox is disabled' },
      rule: `Mailbox ${object} state ${mailbox.state}`,
    });
  }
  const { forwarding } = mailbox;
  if (forwarding === undefined) return addFinal(expansion, address, identity);
  // Forwarding to oneself is one more way to say keepCopy; followed, it would make a second copy for `local+extension`.
  const others = forwarding.to.filter((target) => !isMailbox(expansion, target, object));
  if (forwarding.keepCopy || others.length < forwarding.to.length) addFinal(expansion, address, identity);
  follow(expansion, address, chain, { to: others, rule: `Mailbox ${object} forwarding` });
}

function isMailbox({ directory }: Expansion, target: string, object: string): boolean {
  const identity = directory.identify(directory.parse(target));
  return identity.kind === 'mailbox' && identity.object === object;
}

function follow(expansion: Expansion, address: Address, chain: readonly string[], step: Replacement): void {
  expansion.steps.push({ from: address.text, ...step });
  const longer = [...chain, addressKey(address)];
  for (const target of step.to) expand(expansion, expansion.directory.parse(target), longer);
}

function addFinal(
  expansion: Expansion,
  address: Address,
  identity: Extract<Identity, { readonly kind: 'foreign' | 'relay' | 'mailbox' }>,
): void {
  const { directory, sender } = expansion;
  const domain = identity.kind === 'foreign' ? undefined : identity.domain;
  addFixed(expansion, address, domain, routeOf(directory, { address, sender, identity }));
}

/** The route of an address that is not expanded any further. */
export function routeOf(
  directory: Directory,
  about: {
    readonly address: Address;
    readonly sender: Address | undefined;
    readonly identity: Extract<Identity, { readonly kind: 'foreign' | 'relay' | 'mailbox' }>;
  },
): Route {
  const { identity } = about;
  const question: RouteQuestion = {
    recipient: about.address,
    sender: about.sender,
    domain: identity.kind === 'foreign' ? undefined : identity.domain,
    mailbox:
      identity.kind === 'mailbox' ? { settings: identity.mailbox, object: identity.object } : undefined,
  };
  return decideRoute(directory, question);
}

function addFixed(
  expansion: Expansion,
  address: Address,
  domain: DomainSettings | undefined,
  route: Route,
): void {
  const { finals, directory } = expansion;
  const key = addressKey(address);
  if (finals.has(key)) return;
  finals.set(key, {
    address: address.text,
    nextHop: route.nextHop,
    destination: destinationOf(route.nextHop),
    tls: tlsInForce(route.nextHop, directory),
    mailDomain: domain?.domain,
    rule: route.rule,
  });
  if (finals.size > expansionLimit) expansion.hasOverflowed = true;
}

function tlsInForce(hop: NextHop, directory: Directory): FinalRecipient['tls'] {
  return hop.transport === 'smtp' ? (hop.tls ?? directory.platform.delivery.tls) : undefined;
}

function nameOf(domain: DomainSettings): string {
  return `${domain.namespace}/${domain.domain}`;
}
