/** SMTP engines: lines, replies, deadlines, TLS; no policy. */
// client
export { firstWord } from './client/capabilities.ts';
export type { Capabilities } from './client/capabilities.ts';
export { formatMail, formatRcpt, isUnsendable } from './client/commands.ts';
export type { MailRequest, RcptRequest } from './client/commands.ts';
export type { ConnectTarget, TlsFacts, TlsRequest } from './client/connection.ts';
export { ClientError } from './client/errors.ts';
export type { ClientErrorCode, ClientPhase } from './client/errors.ts';
export { encodeForSevenBit } from './client/seven-bit/seven-bit.ts';
export { SmtpClient } from './client/smtp-client.ts';
export type { Credentials, SessionOptions } from './client/smtp-client.ts';
export type {
  ClientTimeouts,
  ContentChunks,
  OutgoingMessage,
  RecipientResult,
  TransactionStep,
} from './client/transaction.ts';
// server
export { ContentDecoder } from './server/content-decoder.ts';
export { monotonicMs } from './server/handler.ts';
export type {
  CloseReason,
  ContentFacts,
  ContentReceiver,
  HandshakeFacts,
  Next,
  Reaction,
  SessionHandler,
} from './server/handler.ts';
export type { TlsOptionsSource } from './server/session.ts';
export { SmtpServer } from './server/smtp-server.ts';
export type { ConnectionFacts, SmtpServerOptions } from './server/smtp-server.ts';
// tls
export { readCertificateFiles, watchCertificateFiles } from './tls/certificate-files.ts';
export type { CertificateFiles } from './tls/certificate-files.ts';
export { CertificateError, checkPair } from './tls/certificate-pair.ts';
export type { CertificatePair, CheckedPair } from './tls/certificate-pair.ts';
export { createSelfSigned } from './tls/self-signed.ts';
export { ServerContexts } from './tls/server-contexts.ts';
export type { MinimumVersion } from './tls/server-contexts.ts';
