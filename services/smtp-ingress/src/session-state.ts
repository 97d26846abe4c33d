/**
 * What a session knows between commands. Immutable: each command makes the next state, so that a dialogue can be tested as
 * a table. Counters and connections of the running session are not in here (session.ts).
 */
import type { EnvelopeRecipient, MailParameters } from '@railpost/mail';
import type { HandshakeFacts } from '@railpost/smtp';

/** An open transaction (RFC 5321 section 3.3). */
export interface Transaction {
  /** Canonical text; empty for the null reverse-path. */
  readonly reversePath: string;
  readonly parameters: MailParameters;
  readonly recipients: readonly EnvelopeRecipient[];
  /** RCPT commands refused for being too many. */
  readonly overshoot: number;
}

/** `open`: chunks have come; `failed`: a chunk was refused and the rest is discarded until RSET (RFC 3030 section 2). */
export type ChunkingState = 'none' | 'open' | 'failed';

/** State of a session. */
export interface SessionState {
  /** Argument of HELO or EHLO. */
  readonly helo: string | undefined;
  readonly isEsmtp: boolean;
  readonly tls: HandshakeFacts | undefined;
  /** Login and mechanism of the authenticated user. */
  readonly login: { readonly name: string; readonly mechanism: string } | undefined;
  readonly transaction: Transaction | undefined;
  readonly chunking: ChunkingState;
}

/** A session that has just begun. */
export const newSession: SessionState = {
  helo: undefined,
  isEsmtp: false,
  tls: undefined,
  login: undefined,
  transaction: undefined,
  chunking: 'none',
};

/** The state after RSET, or after a message. */
export function withoutTransaction(state: SessionState): SessionState {
  return { ...state, transaction: undefined, chunking: 'none' };
}

/** IANA "with" protocol type (RFC 3848, RFC 6531), as Postfix writes it into Received. */
export function protocolName(state: SessionState): string {
  const base = state.isEsmtp ? 'ESMTP' : 'SMTP';
  if (!state.isEsmtp) return base;
  const name = state.transaction?.parameters.smtputf8 === true ? 'UTF8SMTP' : base;
  return `${name}${state.tls === undefined ? '' : 'S'}${state.login === undefined ? '' : 'A'}`;
}
