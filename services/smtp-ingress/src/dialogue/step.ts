/**
 * The form of every command: (state, command, facts) -> step. A step says the next state, the reply and what else must
 * happen; it does nothing itself.
 */
import type { ListenerSettings, PlatformSettings, RecipientVerdict } from '@railpost/config';
import type { CommandLine } from '@railpost/mail';
import type { SessionState } from '../session-state.ts';
import type { StatusName, StatusValues } from '../statuses.ts';

/** SASL mechanisms that are offered. */
export type Mechanism = 'PLAIN' | 'LOGIN';

/** What else must happen. */
export type Effect =
  | { readonly kind: 'close' }
  | { readonly kind: 'quit' }
  | { readonly kind: 'tls' }
  | { readonly kind: 'authenticate'; readonly mechanism: Mechanism; readonly initial: string | undefined }
  /** Reply 354 and read the message. */
  | { readonly kind: 'receive' }
  /** Read a chunk of the message. */
  | { readonly kind: 'chunk'; readonly bytes: number; readonly isLast: boolean }
  /** Read a chunk, drop it, then give the reply of this step. */
  | { readonly kind: 'discard'; readonly bytes: number };

/** The reply of a step. */
export interface StepReply {
  readonly status: StatusName;
  readonly values?: StatusValues;
  /** EHLO: keywords below the host name. */
  readonly keywords?: readonly string[];
}

/** Outcome of one command. */
export interface Step {
  readonly state: SessionState;
  readonly reply?: StepReply;
  readonly effect?: Effect;
  /** Counts as an error of the client (Postfix smtpd_hard_error_limit). */
  readonly isError: boolean;
  /** A refusal by policy, for the log: the address it was about. */
  readonly refusedRecipient?: string;
}

/** What a command may know of the world. */
export interface DialogueFacts {
  readonly listener: ListenerSettings;
  readonly platform: PlatformSettings;
  /** {@link ConfigSnapshot.verifyRecipient} of the snapshot in force. */
  verifyRecipient(address: string, sender: string): RecipientVerdict;
}

/** A command of the table. */
export interface CommandRow {
  run(state: SessionState, command: CommandLine, facts: DialogueFacts): Step;
  /** Allowed before TLS where TLS is demanded. */
  readonly isBeforeTls?: true;
  /** Useless when repeated; above 100 each counts as an error (Postfix smtpd_junk_command_limit). */
  readonly isJunk?: true;
  /** Ends a pipelining group (RFC 2920 section 3.1): nothing may follow it unasked. */
  readonly isLast?: true;
}

/** A step that only replies. */
export function say(state: SessionState, status: StatusName, values?: StatusValues): Step {
  return { state, reply: values === undefined ? { status } : { status, values }, isError: false };
}

/** A step that refuses: the state stays. */
export function refuse(state: SessionState, status: StatusName, values?: StatusValues): Step {
  return { ...say(state, status, values), isError: true };
}
