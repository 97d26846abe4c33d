/** SMTP engines: lines, replies, deadlines, TLS; no policy. */
// client
export { firstWord } from './client/capabilities.ts';
export type { Capabilities } from './client/capabilities.ts';
export { formatMail, formatRcpt, isUnsendable } from './client/commands.ts';
export type { MailRequest, RcptRequest } from './client/commands.ts';
export type { ConnectTarget, TlsFacts, TlsRequest } from './client/connection.ts';
export { ClientError } from './client/errors.ts';
export type { ClientErrorCode, ClientPhase } from './client/errors.ts';
export { SmtpClient } from './client/smtp-client.ts';
export type { Credentials, SessionOptions } from './client/smtp-client.ts';
export type {
  ClientTimeouts,
  OutgoingMessage,
  RecipientResult,
  TransactionStep,
} from './client/transaction.ts';
