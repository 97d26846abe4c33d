/**
 * A stub resolver with a cache: asks recursive name servers in order, retries, follows aliases, remembers answers and
 * their absence (RFC 2308) for as long as they say. "No such name" and "no such record" are answers; only silence and
 * failing servers are errors, and those are temporary.
 */
import type { Answer, DecodedPacket } from 'dns-packet';
import { createTtlCache } from './cache.ts';
import { DnsError } from './errors.ts';
import { type Question, type QuestionType, canonicalName, exchange } from './exchange.ts';
import { type NameServer, readSystemServers } from './servers.ts';

/** An answer: the records, or which kind of nothing there is. */
export type Lookup<Value> =
  | { readonly kind: 'found'; readonly records: readonly Value[] }
  | { readonly kind: 'no-data' }
  | { readonly kind: 'no-domain' };

/** One MX record (RFC 5321 section 5.1); `exchange` has no final dot, and is empty in a null MX (RFC 7505). */
export interface MailExchanger {
  readonly preference: number;
  readonly exchange: string;
}

/** Looks names up. All methods reject with {@link DnsError} when no server answers usefully. */
export interface Resolver {
  lookupMx(domain: string): Promise<Lookup<MailExchanger>>;
  lookupAddresses(host: string, family: 4 | 6): Promise<Lookup<string>>;
}

/** Settings of a resolver. */
export interface ResolverOptions {
  /** Name servers, asked in order. @default those of /etc/resolv.conf, read at the first question */
  readonly servers?: readonly NameServer[];
  /** For one question to one server. @default 3000 */
  readonly timeoutMs?: number;
  /** Rounds over all servers. @default 2 */
  readonly attempts?: number;
  /** @default 10000 answers */
  readonly cacheEntries?: number;
  /** Monotonic clock, milliseconds. */
  readonly nowMs?: () => number;
}

/** Longest time an answer is kept, whatever its TTL says. */
const longestTtlSeconds = 86_400;
/** Longest time an absence is kept; a domain that comes into being is seen within this. */
const longestNegativeTtlSeconds = 900;
const longestAliasChain = 8;

type Found = Lookup<Answer> & { readonly ttlSeconds: number };

/** Makes a resolver; no question is asked yet. */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const cache = createTtlCache<Lookup<Answer>>(
    options.cacheEntries ?? 10_000,
    options.nowMs ?? (() => performance.now()),
  );
  const pending = new Map<string, Promise<Lookup<Answer>>>();
  let servers: Promise<readonly NameServer[]> | undefined;

  async function ask(name: string, type: QuestionType): Promise<Lookup<Answer>> {
    requireName(name);
    const question = { name: canonicalName(name), type };
    const key = `${type} ${question.name}`;
    const known = cache.get(key) ?? pending.get(key);
    if (known !== undefined) return await known;
    const lookup = resolveQuestion(question).finally(() => pending.delete(key));
    pending.set(key, lookup);
    return await lookup;
  }

  async function resolveQuestion(question: Question): Promise<Lookup<Answer>> {
    servers ??= options.servers === undefined ? systemServers() : Promise.resolve(options.servers);
    const list = await servers;
    const found = await followAliases(question, (each) => askServers(list, each, options));
    cache.set(`${question.type} ${question.name}`, found, found.ttlSeconds * 1000);
    return found;
  }

  return {
    async lookupMx(domain) {
      return mapRecords(await ask(domain, 'MX'), (record) =>
        record.type === 'MX'
          ? { preference: record.data.preference ?? 0, exchange: canonicalName(record.data.exchange) }
          : undefined,
      );
    },
    async lookupAddresses(host, family) {
      const type = family === 4 ? 'A' : 'AAAA';
      return mapRecords(await ask(host, type), (record) =>
        record.type === type && typeof record.data === 'string' ? record.data : undefined,
      );
    },
  };
}

async function systemServers(): Promise<readonly NameServer[]> {
  try {
    return await readSystemServers();
  } catch (cause) {
    throw new DnsError('DNS_NO_SERVERS', 'cannot read resolv.conf', { cause });
  }
}

/** Names that cannot be put into a question are refused here, not by an exception of the encoder. */
function requireName(name: string): void {
  const labels = canonicalName(name).split('.');
  const isGood = name.length <= 254 && labels.every((label) => /^[\x21-\x7e]{1,63}$/.test(label));
  if (!isGood) throw new DnsError('DNS_BAD_NAME', 'not a domain name');
}

function mapRecords<Value>(
  lookup: Lookup<Answer>,
  convert: (record: Answer) => Value | undefined,
): Lookup<Value> {
  if (lookup.kind !== 'found') return { kind: lookup.kind };
  const records = lookup.records.map(convert).filter((each) => each !== undefined);
  return records.length === 0 ? { kind: 'no-data' } : { kind: 'found', records };
}

async function askServers(
  servers: readonly NameServer[],
  question: Question,
  options: ResolverOptions,
): Promise<DecodedPacket> {
  let last = new DnsError('DNS_NO_SERVERS', 'no name servers are configured');
  for (let round = 0; round < (options.attempts ?? 2); round += 1) {
    for (const server of servers) {
      try {
        const answer = await exchange(server, question, options.timeoutMs ?? 3000);
        // dns-packet types RCODE loosely: the field exists on every decoded packet.
        const { rcode } = answer as DecodedPacket & { readonly rcode: string };
        if (rcode === 'NOERROR' || rcode === 'NXDOMAIN') return answer;
        last = new DnsError('DNS_SERVER_FAILURE', `${server.address} answered ${rcode} for ${question.name}`);
      } catch (cause) {
        if (!(cause instanceof DnsError)) throw cause;
        last = cause;
      }
    }
  }
  throw last;
}

async function followAliases(
  question: Question,
  askOnce: (question: Question) => Promise<DecodedPacket>,
): Promise<Found> {
  let name = question.name;
  let ttlSeconds = longestTtlSeconds;
  for (let hop = 0; hop < longestAliasChain; hop += 1) {
    const packet = await askOnce({ name, type: question.type });
    const step = readAnswer(packet, name, question.type);
    ttlSeconds = Math.min(ttlSeconds, step.ttlSeconds);
    if (step.kind !== 'alias') return { ...step, ttlSeconds };
    name = step.name;
  }
  throw tooManyAliases(question.name);
}

function tooManyAliases(name: string): DnsError {
  return new DnsError('DNS_SERVER_FAILURE', `too many aliases from ${name}`);
}

/** Reads one answer: records of the type at the end of its alias chain, or where the chain leaves the packet. */
function readAnswer(
  packet: DecodedPacket,
  name: string,
  type: QuestionType,
): Found | { readonly kind: 'alias'; readonly name: string; readonly ttlSeconds: number } {
  const answers = packet.answers ?? [];
  let owner = name;
  let ttlSeconds = longestTtlSeconds;
  for (let hop = 0; ; hop += 1) {
    if (hop === longestAliasChain) throw tooManyAliases(name);
    const here = answers.filter((record) => canonicalName(record.name) === owner);
    const records = here.filter((record) => record.type === type);
    if (records.length > 0)
      return { kind: 'found', records, ttlSeconds: Math.min(ttlSeconds, ...records.map(ttlOf)) };
    const alias = here.find((record) => record.type === 'CNAME');
    if (alias === undefined || alias.type !== 'CNAME') break;
    owner = canonicalName(alias.data);
    ttlSeconds = Math.min(ttlSeconds, ttlOf(alias));
  }
  // dns-packet types RCODE loosely: the field exists on every decoded packet.
  const { rcode } = packet as DecodedPacket & { readonly rcode: string };
  if (owner !== name && rcode !== 'NXDOMAIN' && !hasAuthority(packet))
    return { kind: 'alias', name: owner, ttlSeconds };
  return { kind: rcode === 'NXDOMAIN' ? 'no-domain' : 'no-data', ttlSeconds: negativeTtl(packet) };
}

function hasAuthority(packet: DecodedPacket): boolean {
  return (packet.authorities ?? []).some((record) => record.type === 'SOA');
}

/** RFC 2308 section 5: the smaller of the SOA's TTL and its minimum; without SOA the absence is not kept. */
function negativeTtl(packet: DecodedPacket): number {
  const soa = (packet.authorities ?? []).find((record) => record.type === 'SOA');
  if (soa === undefined || soa.type !== 'SOA') return 0;
  return Math.min(ttlOf(soa), soa.data.minimum ?? 0, longestNegativeTtlSeconds);
}

function ttlOf(record: Answer): number {
  return 'ttl' in record && typeof record.ttl === 'number' ? record.ttl : 0;
}
