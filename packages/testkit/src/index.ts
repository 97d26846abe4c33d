/** Real servers and peers for tests. Never imported by shipped code. */
export { startDnsServer } from './dns-server.ts';
export type { DnsName, DnsServer } from './dns-server.ts';
export { findFreePorts, findNatsServer, startNatsCluster, startNatsServer } from './nats-server.ts';
export type { NatsServer, NatsServerOptions } from './nats-server.ts';
export { startPostfix } from './postfix.ts';
export type { Postfix, PostfixOptions } from './postfix.ts';
export { findS3Server, startS3Server } from './s3-server.ts';
export type { S3Server } from './s3-server.ts';
export { startSmtpSink } from './smtp-sink.ts';
export type { SinkAnswer, SinkMessage, SinkStep, SmtpSink, SmtpSinkOptions } from './smtp-sink.ts';
export { startDovecot } from './dovecot.ts';
export type { Dovecot, DovecotOptions } from './dovecot.ts';
export { fetchImapMessages } from './imap-client.ts';
export type { ImapLogin, ImapMessage } from './imap-client.ts';
export { startScriptedOwner } from './scripted-owner.ts';
export type { ScriptedOwner } from './scripted-owner.ts';
export { startServiceProcess } from './service-process.ts';
export type { LoggedEvent, ProcessExit, ServiceProcess, ServiceProcessOptions } from './service-process.ts';
