/** DNS: a caching stub resolver and the choice of mail hosts. */
export { createTtlCache } from './cache.ts';
export type { TtlCache } from './cache.ts';
export { DnsError } from './errors.ts';
export type { DnsErrorCode } from './errors.ts';
export { decideMailRoute, shuffle } from './mx.ts';
export type { MailHost, MailRoute, MailRouteFacts } from './mx.ts';
export { createResolver } from './resolver.ts';
export type { Lookup, MailExchanger, Resolver, ResolverOptions } from './resolver.ts';
export { parseNameServer, readSystemServers } from './servers.ts';
export type { NameServer } from './servers.ts';
