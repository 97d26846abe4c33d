/**
 * Where one final recipient goes. Most specific wins, across all objects: recipient; recipient without extension;
 * Mailbox.delivery; domain; longest `*.parent`; MailDomain.delivery; sender; `*@sender-domain`; default; MX.
 * (Postfix: transport_maps, virtual_transport and relay_transport, sender_dependent_*, relayhost.)
 */
import type { NextHop } from '@railpost/contracts';
import { type Address, splitExtension } from './address.ts';
import type { Directory } from './lookup.ts';
import type { DomainSettings, HopTemplate, MailboxSettings } from './settings.ts';
import { routeKey } from './unit.ts';

/** What the route is asked for. */
export interface RouteQuestion {
  readonly recipient: Address;
  readonly sender: Address | undefined;
  readonly domain: DomainSettings | undefined;
  readonly mailbox: { readonly settings: MailboxSettings; readonly object: string } | undefined;
}

/** A decided next hop and the rule that decided. */
export interface Route {
  readonly nextHop: NextHop;
  readonly rule: string;
}

interface Decision {
  readonly hop: HopTemplate;
  readonly rule: string;
}

/** Decides the route; never fails, because the MX of the recipient's domain is always left. */
export function decideRoute(directory: Directory, question: RouteQuestion): Route {
  const decision =
    decideByRecipient(directory, question) ??
    decideByMailbox(question) ??
    decideByDomain(directory, question) ??
    decideByMailDomain(question) ??
    decideBySender(directory, question) ??
    decideByDefault(directory, question);
  if (decision === undefined) {
    const { domain } = question.recipient;
    return { nextHop: completeHop({ transport: 'smtp' }, question), rule: `MX of ${domain}` };
  }
  return { nextHop: completeHop(decision.hop, question), rule: decision.rule };
}

function find(directory: Directory, key: string): Decision | undefined {
  const entry = directory.route(key);
  return entry === undefined ? undefined : { hop: entry.hop, rule: `${entry.rule} (${key})` };
}

function decideByRecipient(directory: Directory, { recipient, domain }: RouteQuestion): Decision | undefined {
  const exact = find(directory, routeKey.recipient(`${recipient.local}@${recipient.domain}`));
  if (exact !== undefined) return exact;
  const { base, extension } = splitExtension(recipient.local, directory.delimiters(domain));
  return extension === '' ? undefined : find(directory, routeKey.recipient(`${base}@${recipient.domain}`));
}

function decideByMailbox({ mailbox }: RouteQuestion): Decision | undefined {
  const hop = mailbox?.settings.delivery;
  return hop === undefined ? undefined : { hop, rule: `Mailbox ${mailbox?.object ?? ''} delivery` };
}

function decideByDomain(directory: Directory, { recipient }: RouteQuestion): Decision | undefined {
  const exact = find(directory, routeKey.domain(recipient.domain));
  if (exact !== undefined || recipient.domain.startsWith('[')) return exact;
  const labels = recipient.domain.split('.');
  for (let cut = 1; cut < labels.length; cut += 1) {
    const parent = find(directory, routeKey.parent(labels.slice(cut).join('.')));
    if (parent !== undefined) return parent;
  }
  return undefined;
}

function decideByMailDomain({ domain }: RouteQuestion): Decision | undefined {
  if (domain?.delivery === undefined) return undefined;
  return { hop: domain.delivery, rule: `MailDomain ${domain.namespace}/${domain.domain} delivery` };
}

function decideBySender(directory: Directory, { sender }: RouteQuestion): Decision | undefined {
  if (sender === undefined) return undefined;
  return (
    find(directory, routeKey.sender(`${sender.local}@${sender.domain}`)) ??
    find(directory, routeKey.senderDomain(sender.domain))
  );
}

function decideByDefault(directory: Directory, { domain, sender }: RouteQuestion): Decision | undefined {
  const namespaces = [domain?.namespace, sender && directory.domain(sender.domain)?.namespace];
  for (const namespace of namespaces) {
    const own = namespace === undefined ? undefined : find(directory, routeKey.default(namespace));
    if (own !== undefined) return own;
  }
  return find(directory, routeKey.default());
}

/** Fills in what only the recipient knows: whose MX, which Maildir. */
function completeHop(hop: HopTemplate, { recipient, domain, mailbox }: RouteQuestion): NextHop {
  if (hop.transport === 'mailbox') {
    if (domain !== undefined && mailbox !== undefined) return { transport: 'mailbox', domain: domain.domain };
    return { transport: 'error', code: '5.1.1', text: 'there is no Mailbox of that name to deliver into' };
  }
  if (hop.transport !== 'smtp' || hop.mx !== undefined || hop.hosts !== undefined) return hop;
  const literal = /^\[(?:ipv6:)?([0-9a-f:.]+)\]$/.exec(recipient.domain)?.[1];
  return literal === undefined
    ? { ...hop, mx: recipient.domain }
    : { ...hop, hosts: [{ host: literal, port: 25 }] };
}
