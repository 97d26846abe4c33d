/**
 * AUTH (RFC 4954) with PLAIN (RFC 4616) and LOGIN, only under TLS and only on Submission. This file knows the exchange; the
 * password is checked by passwords/. Messages of the exchange are octets of the client: bounded by the engine, decoded here.
 */
import type { ListenerSettings } from '@railpost/config';
import { asciiUpperCase } from '@railpost/mail';
import type { SessionState } from '../session-state.ts';
import type { StatusName } from '../statuses.ts';
import type { CommandRow, Mechanism, Step } from './step.ts';
import { refuse } from './step.ts';

/** Longest line of an exchange (RFC 4954 section 4: 12288 octets), CRLF included. */
export const responseLimitBytes = 12_290;

/** AUTH. */
export const auth: CommandRow = {
  run(state, command, facts): Step {
    const denied = whyNoExchange(state, facts.listener);
    if (denied !== undefined) return refuse(state, denied);
    const words = command.argument.split(/[ \t]+/);
    const mechanism = asciiUpperCase(words[0] ?? '');
    if (mechanism === '' || words.length > 2) return refuse(state, 'authSyntax');
    if (mechanism !== 'PLAIN' && mechanism !== 'LOGIN') return refuse(state, 'authMechanism');
    return { state, effect: { kind: 'authenticate', mechanism, initial: words[1] }, isError: false };
  },
};

function whyNoExchange(state: SessionState, listener: ListenerSettings): StatusName | undefined {
  if (listener.role !== 'Submission') return 'authNotEnabled';
  if (state.tls === undefined) return 'needStartTls';
  if (listener.withheldKeywords.includes('AUTH')) return 'authNotEnabled';
  if (!state.isEsmtp) return 'needEhlo';
  if (state.transaction !== undefined) return 'transactionInProgress';
  return state.login === undefined ? undefined : 'alreadyAuthenticated';
}

/** A login attempt, complete. */
export interface Credentials {
  readonly login: string;
  readonly password: string;
}

/** Where an exchange stands: another line is wanted, it is complete, or it is over. */
export type ExchangeStep =
  | { readonly kind: 'challenge'; readonly challenge: string; readonly exchange: Exchange }
  | { readonly kind: 'credentials'; readonly credentials: Credentials }
  | { readonly kind: 'failed'; readonly status: 'authAborted' | 'authNotBase64' | 'authFailed' };

/** An exchange that waits for the next line. */
export interface Exchange {
  readonly mechanism: Mechanism;
  /** LOGIN: the user name, once it came. */
  readonly user: string | undefined;
}

/** Base64 of `Username:` and `Password:`. */
const loginChallenges = { user: 'VXNlcm5hbWU6', password: 'UGFzc3dvcmQ6' } as const;

/** Begins with or without initial response; `=` is the empty one (RFC 4954 section 4). */
export function beginExchange(mechanism: Mechanism, initial: string | undefined): ExchangeStep {
  const exchange = { mechanism, user: undefined };
  if (initial !== undefined) return continueExchange(exchange, initial === '=' ? '' : initial);
  return { kind: 'challenge', challenge: mechanism === 'PLAIN' ? '' : loginChallenges.user, exchange };
}

/** Takes one line of the client. */
export function continueExchange(exchange: Exchange, line: string): ExchangeStep {
  if (line === '*') return { kind: 'failed', status: 'authAborted' };
  const text = decodeBase64(line);
  if (text === undefined) return { kind: 'failed', status: 'authNotBase64' };
  if (exchange.mechanism === 'PLAIN') return readPlain(text);
  if (exchange.user !== undefined) {
    return { kind: 'credentials', credentials: { login: exchange.user, password: text } };
  }
  return { kind: 'challenge', challenge: loginChallenges.password, exchange: { ...exchange, user: text } };
}

/** `[authzid] NUL authcid NUL passwd`; acting for somebody else is not offered. */
function readPlain(text: string): ExchangeStep {
  const parts = text.split('\0');
  const [authorization = '', login = '', password = ''] = parts;
  const isForSelf = authorization === '' || authorization.toLowerCase() === login.toLowerCase();
  if (parts.length !== 3 || login === '' || !isForSelf) return { kind: 'failed', status: 'authFailed' };
  return { kind: 'credentials', credentials: { login, password } };
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Strict base64 of UTF-8 text; undefined when it is neither. */
function decodeBase64(line: string): string | undefined {
  if (!base64.test(line)) return undefined;
  const bytes = Buffer.from(line, 'base64');
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}
