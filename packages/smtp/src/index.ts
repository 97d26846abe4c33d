/** SMTP engines: the server side, the client side, TLS. They know lines, replies and times; policy is their users' affair. */
export { ContentDecoder } from './server/content-decoder.ts';
export { monotonicMs } from './server/handler.ts';
export type {
  CloseReason,
  ContentFacts,
  ContentReceiver,
  Next,
  Reaction,
  SessionHandler,
  TlsFacts,
} from './server/handler.ts';
export type { TlsOptionsSource } from './server/session.ts';
export { SmtpServer } from './server/smtp-server.ts';
export type { ConnectionFacts, SmtpServerOptions } from './server/smtp-server.ts';
