/**
 * From a next hop to the addresses to try, in order (Postfix smtp_addr.c, smtp_connect.c): MX records by our own resolver, hosts
 * that an administrator named as the system resolves them. Rejects never for what the name service says: that is a status.
 */
import { lookup as lookupBySystem } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import type { NextHop } from '@railpost/contracts';
import {
  DnsError,
  type Lookup,
  type Resolver,
  createTtlCache,
  decideMailRoute,
  shuffle,
} from '@railpost/dns';
import type { DeliveryStatus } from '@railpost/mail';
import type { ConnectTarget } from '@railpost/smtp';
import { type Site, statuses } from './statuses.ts';

/** One address to try. */
export interface Target {
  readonly connect: ConnectTarget;
  readonly site: Site;
  /** Smaller is better; equal ones are interchangeable. */
  readonly preference: number;
}

/** Addresses, best first and at least one; or why there are none. */
export type Targets =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  | { readonly kind: 'none'; readonly status: DeliveryStatus };

/** What finding depends on. */
export interface TargetFacts {
  readonly resolver: Resolver;
  /** `host` names of next hops: addresses in the order of the system. @throws Error with code ENOTFOUND or others */
  readonly lookupHost: (host: string) => Promise<readonly string[]>;
  /** Our own names: mail must not come back to us. */
  readonly ownNames: readonly string[];
  /** Port of hosts found by MX records. */
  readonly smtpPort: number;
  /** Random number in 0..1, exclusive. */
  readonly random: () => number;
}

/** The next hops that this service serves. */
export type SmtpHop = Extract<NextHop, { readonly transport: 'smtp' | 'lmtp' }>;

/** Postfix smtp_mx_address_limit. */
const addressLimit = 5;
/** MX hosts whose addresses are looked up at all. */
const mxHostLimit = 16;
const lmtpPort = 24;

/** Finds the targets of a next hop. */
export async function findTargets(hop: SmtpHop, facts: TargetFacts): Promise<Targets> {
  if (hop.transport === 'lmtp') return await lmtpTargets(hop, facts);
  if (hop.hosts !== undefined) return await hostTargets(hop.hosts, facts);
  return await mxTargets(hop.mx ?? '', facts);
}

async function lmtpTargets(
  hop: Extract<SmtpHop, { transport: 'lmtp' }>,
  facts: TargetFacts,
): Promise<Targets> {
  if (hop.path === undefined)
    return await hostTargets([{ host: hop.host ?? '', port: hop.port ?? lmtpPort }], facts);
  const host = facts.ownNames[0] ?? 'localhost';
  const text = `${host}[${hop.path}]`;
  const target = { connect: { path: hop.path }, site: { host, text, relay: text }, preference: 0 };
  return { kind: 'targets', targets: [target] };
}

async function hostTargets(
  hosts: readonly { readonly host: string; readonly port: number }[],
  facts: TargetFacts,
): Promise<Targets> {
  const targets: Target[] = [];
  for (const [preference, { host, port }] of hosts.entries()) {
    const addresses = isIP(host) === 0 ? await addressesOfHost(host, facts) : [host];
    targets.push(...addresses.map((address) => makeTarget({ host, address, port, preference })));
  }
  const missing = hosts.map((each) => each.host).join(', ');
  if (targets.length === 0) return { kind: 'none', status: statuses.nextHopNotFound(missing) };
  return { kind: 'targets', targets: targets.slice(0, addressLimit) };
}

async function addressesOfHost(host: string, facts: TargetFacts): Promise<readonly string[]> {
  try {
    return await facts.lookupHost(host);
  } catch {
    // Whatever the system's resolver says, the next of the hosts may do; without any, the status tells.
    return [];
  }
}

async function mxTargets(mx: string, facts: TargetFacts): Promise<Targets> {
  const literal = /^\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]$/i.exec(mx)?.[1];
  if (literal !== undefined && isIP(literal) !== 0)
    return await hostTargets([{ host: literal, port: facts.smtpPort }], facts);
  const domain = domainToASCII(mx) || mx;
  try {
    const route = decideMailRoute(await facts.resolver.lookupMx(domain), { domain, ...facts });
    if (route.kind === 'no-domain') return { kind: 'none', status: statuses.hostNotFound(domain) };
    if (route.kind === 'null-mx') return { kind: 'none', status: statuses.nullMx(domain) };
    if (route.kind === 'loop') return { kind: 'none', status: statuses.loop(domain) };
    return await addressTargets(route.hosts.slice(0, mxHostLimit), facts);
  } catch (cause) {
    if (!(cause instanceof DnsError)) throw cause;
    const status = cause.temporary ? statuses.nameServiceFailed(domain, 'MX') : statuses.hostNotFound(domain);
    return { kind: 'none', status };
  }
}

interface MxHost {
  readonly host: string;
  readonly preference: number;
}

/** Addresses of all hosts; as long as one has any, trouble with the others is ignored (as Postfix does). */
async function addressTargets(hosts: readonly MxHost[], facts: TargetFacts): Promise<Targets> {
  const found = await Promise.all(hosts.map((host) => addressesOfMx(host, facts)));
  const targets = found.flatMap((each) => each.targets);
  if (targets.length > 0) return { kind: 'targets', targets: limitAddresses(targets, facts.random) };
  const problems = found.flatMap((each) => (each.problem === undefined ? [] : [each.problem]));
  const temporary = problems.find((status) => status.code.startsWith('4'));
  return { kind: 'none', status: temporary ?? problems[0] ?? statuses.hostNotFound(hosts[0]?.host ?? '') };
}

async function addressesOfMx(
  { host, preference }: MxHost,
  facts: TargetFacts,
): Promise<{ readonly targets: readonly Target[]; readonly problem: DeliveryStatus | undefined }> {
  // An MX record that names an address is against RFC 5321 section 5.1, and common enough that Postfix takes it.
  if (isIP(host) !== 0)
    return {
      targets: [makeTarget({ host, address: host, port: facts.smtpPort, preference })],
      problem: undefined,
    };
  const families = await Promise.all([addressesOf(host, 6, facts), addressesOf(host, 4, facts)]);
  const addresses = families.flatMap((each) => (each.kind === 'found' ? each.records : []));
  const targets = addresses.map((address) => makeTarget({ host, address, port: facts.smtpPort, preference }));
  if (families.some((each) => each.kind === 'failed'))
    return { targets, problem: statuses.nameServiceFailed(host, 'A') };
  const isMissing = families.some((each) => each.kind === 'no-domain');
  return { targets, problem: isMissing ? statuses.hostNotFound(host) : statuses.hostHasNoAddress(host) };
}

async function addressesOf(
  host: string,
  family: 4 | 6,
  facts: TargetFacts,
): Promise<Lookup<string> | { readonly kind: 'failed' }> {
  try {
    return await facts.resolver.lookupAddresses(host, family);
  } catch (cause) {
    if (!(cause instanceof DnsError)) throw cause;
    return cause.temporary ? { kind: 'failed' } : { kind: 'no-domain' };
  }
}

/**
 * At most {@link addressLimit} addresses, shuffled within a preference (smtp_randomize_addresses); neither family crowds
 * the other out (smtp_balance_inet_protocols).
 */
function limitAddresses(targets: readonly Target[], random: () => number): readonly Target[] {
  const ordered = shuffle(targets, random).sort((one, other) => one.preference - other.preference);
  if (ordered.length <= addressLimit) return ordered;
  const isV6 = (target: Target): boolean => 'address' in target.connect && isIPv6(target.connect.address);
  const v6 = ordered.filter(isV6).length;
  const v4 = ordered.length - v6;
  const half = Math.floor(addressLimit / 2);
  const room = { v6: Math.min(v6, Math.max(half, addressLimit - v4)), v4: 0 };
  room.v4 = addressLimit - room.v6;
  return ordered.filter((target) => {
    const family = isV6(target) ? 'v6' : 'v4';
    room[family] -= 1;
    return room[family] >= 0;
  });
}

function makeTarget(at: {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly preference: number;
}): Target {
  const text = `${at.host}[${at.address}]`;
  return {
    connect: { address: at.address, port: at.port },
    site: { host: at.host, text, relay: `${text}:${at.port}` },
    preference: at.preference,
  };
}

/** How long an answer of the system's resolver is used: it tells no time to live. */
const systemAnswerMs = 5000;

/** Looks hosts up as the system does (getaddrinfo), remembering each answer for 5 s, because each costs a thread. */
export function createHostLookup(nowMs: () => number): (host: string) => Promise<readonly string[]> {
  const cache = createTtlCache<Promise<readonly string[]>>(1000, nowMs);
  return (host) => {
    const known = cache.get(host);
    if (known !== undefined) return known;
    const answer = lookupBySystem(host, { all: true }).then((found) => found.map((each) => each.address));
    cache.set(host, answer, systemAnswerMs);
    return answer;
  };
}
