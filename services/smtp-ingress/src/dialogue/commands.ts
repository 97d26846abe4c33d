/**
 * The table of commands and the checks that stand before each of them, in Postfix's order: octets, syntax, verb, TLS, pipelining.
 * Pure: everything from outside is in the facts.
 */
import { type CommandLine, parseCommandLine } from '@railpost/mail';
import type { SessionState } from '../session-state.ts';
import { auth } from './auth.ts';
import { bdat } from './bdat.ts';
import { data } from './data.ts';
import { ehlo, helo } from './ehlo.ts';
import { createHelp } from './help.ts';
import { mail } from './mail.ts';
import { noop } from './noop.ts';
import { quit } from './quit.ts';
import { rcpt } from './rcpt.ts';
import { rset } from './rset.ts';
import { startTls } from './starttls.ts';
import { type CommandRow, type DialogueFacts, type Step, refuse } from './step.ts';
import { vrfy } from './vrfy.ts';

const commands: ReadonlyMap<string, CommandRow> = new Map<string, CommandRow>([
  ['EHLO', ehlo],
  ['HELO', helo],
  ['STARTTLS', startTls],
  ['AUTH', auth],
  ['MAIL', mail],
  ['RCPT', rcpt],
  ['DATA', data],
  ['BDAT', bdat],
  ['RSET', rset],
  ['NOOP', noop],
  ['VRFY', vrfy],
  ['QUIT', quit],
  ['HELP', createHelp(() => [...commands.keys()])],
]);

/** A command that was looked at: its step, and what to count it as. */
export interface Dispatched {
  readonly step: Step;
  /** Verb in lower case as `disconnect` lines name it; `unknown` for others. */
  readonly verb: string;
  readonly isJunk: boolean;
}

/** Decides one command line. `hasMoreInput`: the client has sent more without waiting. */
export function dispatch(
  state: SessionState,
  line: Uint8Array,
  hasMoreInput: boolean,
  facts: DialogueFacts,
): Dispatched {
  const command = parseCommandLine(line);
  const row = commands.get(command.verb);
  const verb = row === undefined ? 'unknown' : command.verb.toLowerCase();
  const step =
    objectTo(state, command) ??
    (row === undefined ? unknown(state, command) : run(row, { state, command, hasMoreInput }, facts));
  return { step, verb, isJunk: row?.isJunk === true };
}

/** What no command may look like. */
function objectTo(state: SessionState, command: CommandLine): Step | undefined {
  if (command.hasNul) return refuse(state, 'nul');
  if (command.charset === 'other') return refuse(state, 'badUtf8');
  return command.verb === '' ? refuse(state, 'badSyntax') : undefined;
}

/**
 * Browsers, proxies and spam bots that speak no SMTP at all hear a joke and are gone (Postfix smtpd_forbidden_commands): HTTP
 * verbs, header fields, anything that does not begin with a letter.
 */
function unknown(state: SessionState, command: CommandLine): Step {
  const isForeign = /^(?:CONNECT|GET|POST)$|^[^A-Z]|^[!-9;-~]+:/.test(command.verb);
  if (!isForeign) return refuse(state, 'unknownCommand');
  return { ...refuse(state, 'notSmtp'), effect: { kind: 'close' } };
}

function run(
  row: CommandRow,
  input: { readonly state: SessionState; readonly command: CommandLine; readonly hasMoreInput: boolean },
  facts: DialogueFacts,
): Step {
  const { state, command, hasMoreInput } = input;
  const needsTls = facts.listener.role === 'Submission' && state.tls === undefined;
  if (needsTls && row.isBeforeTls !== true) return refuse(state, 'needStartTls');
  // Postfix smtpd_forbid_unauth_pipelining: outside of a group, or before EHLO has offered it.
  if (hasMoreInput && (row.isLast === true || !state.isEsmtp)) {
    return { ...refuse(state, 'synchronization'), effect: { kind: 'close' } };
  }
  return row.run(state, command, facts);
}
