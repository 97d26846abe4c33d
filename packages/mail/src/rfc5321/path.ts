/**
 * Reverse-path and forward-path of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531), read as tolerantly as Postfix with
 * `strict_rfc821_envelopes = no`: white space after the colon, missing angle brackets, source routes (dropped), comments
 * (dropped), quoted words and quoted pairs anywhere in the local-part, a trailing dot of the domain (dropped).
 * Says what is wrong as a symbol; the reply belongs to the caller's statuses table. One pass, linear time.
 */
import { endOfQuotedString, formatAddress } from './address.ts';
import { isAddressLiteral, isDomainName } from './domain.ts';
import { asciiUpperCase, indexOfWhiteSpace, isAscii, trimWhiteSpace } from './command.ts';

/** A parsed path. */
export interface MailPath {
  /** Canonical text for the envelope: quoted where needed, without source route; empty for the null path `<>`. */
  readonly address: string;
  /** What the local-part means: without quotes and backslashes. */
  readonly localPart: string;
  /** As given, without trailing dot; absent in `<postmaster>`. */
  readonly domain: string | undefined;
  readonly isNull: boolean;
  /** False when the address needs SMTPUTF8 (RFC 6531). */
  readonly isAscii: boolean;
}

/**
 * - `keyword`: no `FROM:`/`TO:`, or nothing after it (Postfix: 501 5.5.4 Syntax);
 * - `address`: not an address (501 5.1.7, 501 5.1.3).
 */
export type PathProblem = 'keyword' | 'address';

export type PathResult =
  | { readonly path: MailPath; readonly parameters: string }
  | { readonly problem: PathProblem };

/**
 * Parses the argument of MAIL or RCPT, for example `FROM:<a@b.test> SIZE=100`.
 * `parameters` is the text after the path, for {@link parseMailParameters} or {@link parseRcptParameters}.
 */
export function parsePathArgument(argument: string, keyword: 'FROM' | 'TO'): PathResult {
  const colon = keyword.length;
  if (argument.charAt(colon) !== ':' || asciiUpperCase(argument.slice(0, colon)) !== keyword) {
    return { problem: 'keyword' };
  }
  const rest = trimWhiteSpace(argument.slice(colon + 1));
  if (rest === '') return { problem: 'keyword' };
  const end = endOfPathToken(rest);
  if (end === -1) return { problem: 'address' };
  const path = parsePath(rest.slice(0, end));
  if (path === undefined) return { problem: 'address' };
  return { path, parameters: trimWhiteSpace(rest.slice(end)) };
}

/** Parses one path with or without angle brackets: `<a@b>`, `a@b`, `<>`, `<@relay:a@b>`, `<postmaster>`. */
export function parsePath(token: string): MailPath | undefined {
  let inner = token;
  while (inner.startsWith('<') && inner.endsWith('>')) inner = inner.slice(1, -1);
  const mailbox = stripSourceRoute(trimWhiteSpace(inner));
  if (mailbox === undefined) return undefined;
  if (mailbox === '') {
    return token.startsWith('<')
      ? { address: '', localPart: '', domain: undefined, isNull: true, isAscii: true }
      : undefined;
  }
  return parseMailbox(mailbox);
}

/**
 * Parses `local-part[@domain]`. Control characters are refused even inside of quotes (RFC 5321 section 4.1.2, qtextSMTP): an
 * address with a CR in it would become two commands at a careless next hop.
 */
export function parseMailbox(text: string): MailPath | undefined {
  if (/[\u0000-\u001f\u007f]/.test(text)) return undefined;
  const local = takeAtoms(text) ?? scanLocalPart(text);
  // Programs downstream would take a leading hyphen for an option (Postfix allow_min_user = no).
  if (local === undefined || local.raw.startsWith('-')) return undefined;
  if (local.end === text.length) return local.raw === '' ? undefined : finish(local.raw, undefined);
  const domain = trimWhiteSpace(text.slice(local.end + 1));
  const name = domain.endsWith('.') && domain.length > 1 ? domain.slice(0, -1) : domain;
  if (!isDomainName(name) && !isAddressLiteral(name)) return undefined;
  return finish(local.raw, name);
}

function finish(localPart: string, domain: string | undefined): MailPath {
  const address = formatAddress(localPart, domain);
  return { address, localPart, domain, isNull: false, isAscii: isAscii(address) };
}

/** Where the path token ends: white space outside of quotes and angle brackets. -1 when a quote or bracket stays open. */
function endOfPathToken(text: string): number {
  if (!/["<\\]/.test(text)) {
    const space = indexOfWhiteSpace(text);
    return space === -1 ? text.length : space;
  }
  let depth = 0;
  let index = 0;
  while (index < text.length) {
    const character = text.charAt(index);
    if (character === '\\') index += 2;
    else if (character === '"') {
      const end = endOfQuotedString(text, index);
      if (text.charAt(end - 1) !== '"' || end - 1 === index) return -1;
      index = end;
    } else {
      if (depth === 0 && indexOfWhiteSpace(character) === 0) return index;
      depth += bracketStep(character, depth);
      index += 1;
    }
  }
  return depth === 0 ? text.length : -1;
}

function bracketStep(character: string, depth: number): number {
  if (character === '<') return 1;
  return character === '>' && depth > 0 ? -1 : 0;
}

/** RFC 5321 appendix C: `@a.test,@b.test:user@c.test` must be accepted and the route ignored. */
function stripSourceRoute(text: string): string | undefined {
  if (!text.startsWith('@')) return text;
  const colon = text.indexOf(':');
  if (colon === -1) return text;
  const hops = text.slice(0, colon).split(',');
  if (!hops.every((hop) => hop.startsWith('@') && isDomainName(hop.slice(1)))) return undefined;
  return text.slice(colon + 1);
}

const specials = '()<>,;:[]';
/** What nearly all local-parts are: nothing that would have to be looked at one by one, and the only `@`. */
const atomsBeforeAt = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+(?=@[^@]*$)/;

function takeAtoms(text: string): { raw: string; end: number } | undefined {
  const raw = atomsBeforeAt.exec(text)?.[0];
  return raw === undefined ? undefined : { raw, end: raw.length };
}

/**
 * Reads atoms, quoted-strings, quoted pairs and comments up to the last `@`; gives their meaning and where it stopped. As in Postfix
 * an earlier `@` belongs to the local-part (`a@b@c` is `"a@b"@c`), and the local-part may be empty (`@domain`).
 */
function scanLocalPart(text: string): { raw: string; end: number } | undefined {
  const last = text.lastIndexOf('@');
  let raw = '';
  let index = 0;
  let mustDotFollow = false;
  while (index < text.length && index !== last) {
    const piece = scanPiece(text, index);
    if (piece === undefined) return undefined;
    // A quoted-string is a word of its own: `"a"b` and `a"b"` are none (RFC 5321 section 4.1.2).
    const isQuoted = text.charAt(index) === '"';
    if (isQuoted && raw !== '' && !raw.endsWith('.')) return undefined;
    if (mustDotFollow && piece.raw !== '' && piece.raw !== '.') return undefined;
    mustDotFollow = isQuoted || (mustDotFollow && piece.raw === '');
    raw += piece.raw;
    index = piece.end;
  }
  return { raw, end: index };
}

interface Piece {
  readonly raw: string;
  readonly end: number;
}

/** One quoted-string, quoted pair, comment, white space (only before the `@`) or plain character. */
function scanPiece(text: string, start: number): Piece | undefined {
  const character = text.charAt(start);
  if (character === '"') return scanQuotedString(text, start);
  if (character === '\\') {
    return start + 1 === text.length ? undefined : { raw: text.charAt(start + 1), end: start + 2 };
  }
  if (character === '(') {
    const close = text.indexOf(')', start);
    return close === -1 ? undefined : { raw: '', end: close + 1 };
  }
  if (indexOfWhiteSpace(character) === 0) return scanSpace(text, start);
  const isPlain = !specials.includes(character) && character > ' ' && character !== '\u007f';
  return isPlain ? { raw: character, end: start + 1 } : undefined;
}

function scanQuotedString(text: string, start: number): Piece | undefined {
  const end = endOfQuotedString(text, start);
  if (text.charAt(end - 1) !== '"' || end - 1 === start) return undefined;
  return { raw: text.slice(start + 1, end - 1).replace(/\\(.)/gsu, '$1'), end };
}

function scanSpace(text: string, start: number): Piece | undefined {
  const length = text.slice(start).search(/[^ ]/);
  const isBeforeAt = start > 0 && length > 0 && text.charAt(start + length) === '@';
  return isBeforeAt ? { raw: '', end: start + length } : undefined;
}
