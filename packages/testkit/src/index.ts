/** Real servers and peers for tests. Never imported by shipped code. */
export { startDnsServer } from './dns-server.ts';
export type { DnsName, DnsServer } from './dns-server.ts';
export { findFreePorts, findNatsServer, startNatsCluster, startNatsServer } from './nats-server.ts';
export type { NatsServer, NatsServerOptions } from './nats-server.ts';
export { startPostfix } from './postfix.ts';
export type { Postfix, PostfixOptions } from './postfix.ts';
