/**
 * Mailbox addresses in the form that envelopes and jobs carry: `local-part@domain`, local-part quoted only where
 * RFC 5321 section 4.1.2 needs it, domain as given (A-labels stay A-labels, U-labels stay U-labels).
 * Pure text; assumes addresses that {@link parsePath} made, but gives a sensible answer for any string.
 */

/** An address in two parts. */
export interface AddressParts {
  /** As written: still quoted when it was. */
  readonly localPart: string;
  /** Absent when there is no `@` (as in `<postmaster>`). */
  readonly domain: string | undefined;
}

/** Splits at the last `@` outside of quotes. */
export function splitAddress(address: string): AddressParts {
  const from = address.startsWith('"') ? endOfQuotedString(address, 0) : 0;
  const at = address.lastIndexOf('@');
  if (at < from || at === -1) return { localPart: address, domain: undefined };
  return { localPart: address.slice(0, at), domain: address.slice(at + 1) };
}

/** Lower-cases ASCII letters of the domain; the local-part stays (it belongs to the domain's owner, RFC 5321 section 2.4). */
export function lowerCaseDomain(address: string): string {
  const { localPart, domain } = splitAddress(address);
  return domain === undefined ? address : `${localPart}@${asciiLowerCase(domain)}`;
}

/** Lower-cases A-Z only; other scripts are left to IDNA. */
export function asciiLowerCase(text: string): string {
  // oxlint-disable-next-line no-control-regex -- all of ASCII
  if (/^[\u0000-\u007f]*$/.test(text)) return text.toLowerCase();
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Joins a raw (unquoted) local-part and a domain, quoting where needed. */
export function formatAddress(rawLocalPart: string, domain: string | undefined): string {
  const localPart = quoteLocalPart(rawLocalPart);
  return domain === undefined ? localPart : `${localPart}@${domain}`;
}

const dotString =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/u;

/** True when a raw local-part needs no quotes (Dot-string of RFC 5321, widened by RFC 6531). */
export function isDotString(rawLocalPart: string): boolean {
  return dotString.test(rawLocalPart);
}

/** Quotes a raw local-part when it is no Dot-string. */
export function quoteLocalPart(rawLocalPart: string): string {
  return isDotString(rawLocalPart) ? rawLocalPart : `"${rawLocalPart.replace(/["\\]/g, '\\$&')}"`;
}

/** Undoes {@link quoteLocalPart}: what the local-part means, without quotes and backslashes. */
export function unquoteLocalPart(localPart: string): string {
  if (!localPart.startsWith('"')) return localPart;
  const end = endOfQuotedString(localPart, 0);
  return localPart.slice(1, end - 1).replace(/\\(.)/gsu, '$1') + localPart.slice(end);
}

/**
 * Splits a raw local-part at the first of the recipient delimiters (Postfix recipient_delimiter): `alice+news` becomes
 * `alice` and `+news`. As in Postfix the delimiter never stands first, and `owner-x`, `x-request` and the special names
 * `mailer-daemon`, `postmaster`, `double-bounce` are not split at `-`.
 */
export function splitRecipientDelimiter(
  rawLocalPart: string,
  delimiters: string,
): { readonly base: string; readonly extension: string | undefined } {
  const whole = { base: rawLocalPart, extension: undefined };
  const lower = rawLocalPart.toLowerCase();
  if (lower === 'mailer-daemon' || lower === 'double-bounce') return whole;
  if (delimiters.includes('-') && (lower.startsWith('owner-') || lower.endsWith('-request'))) return whole;
  for (let index = 1; index < rawLocalPart.length; index += 1) {
    if (delimiters.includes(rawLocalPart.charAt(index))) {
      return { base: rawLocalPart.slice(0, index), extension: rawLocalPart.slice(index) };
    }
  }
  return whole;
}

/** Index just after the quote that closes the quoted-string which opens at `start`; text length when it never closes. */
export function endOfQuotedString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '\\') index += 1;
    else if (character === '"') return index + 1;
  }
  return text.length;
}
