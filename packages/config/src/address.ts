/**
 * Addresses as the resolver sees them: the text as it was given, and the form in which it is looked up (local part without
 * quotes, lower case; domain as A-labels). Assumes that the dialogue has checked the syntax; never fails on bad input.
 */
import { toALabels } from './a-label.ts';

/** An address taken apart. */
export interface Address {
  /** As given, completed by the origin when it had no domain, without a final dot. */
  readonly text: string;
  /** Local part as given, quotes included. */
  readonly localPart: string;
  /** Domain as given. */
  readonly domainText: string;
  /** Local part to look up. */
  readonly local: string;
  /** Domain to look up; an address literal stays in its brackets. */
  readonly domain: string;
  /** False: the origin completed it. */
  readonly isQualified: boolean;
}

/** Takes an address apart; `origin` completes one without a domain (Postfix append_at_myorigin). */
export function parseAddress(given: string, origin: string): Address {
  const at = given.lastIndexOf('@');
  const isQualified = at !== -1;
  const localPart = isQualified ? given.slice(0, at) : given;
  const rest = isQualified ? given.slice(at + 1) : origin;
  const domainText = rest.endsWith('.') ? rest.slice(0, -1) : rest;
  return {
    text: `${localPart}@${domainText}`,
    localPart,
    domainText,
    local: unquote(localPart).toLowerCase(),
    domain: toALabels(domainText),
    isQualified,
  };
}

/** The form in which two addresses are compared. */
export function addressKey(address: Pick<Address, 'local' | 'domain'>): string {
  return `${address.local}@${address.domain}`;
}

/** A local part and its extension, delimiter included; no extension: the empty string. */
export interface SplitLocalPart {
  readonly base: string;
  readonly extension: string;
}

/**
 * Splits at the first delimiter, as Postfix's split_addr(3): never so that nothing is left, not `owner-x` and `x-request` when
 * `-` is a delimiter, not postmaster and mailer-daemon.
 */
export function splitExtension(local: string, delimiters: string): SplitLocalPart {
  const whole = { base: local, extension: '' };
  if (local === 'postmaster' || local === 'mailer-daemon') return whole;
  if (delimiters.includes('-') && (local.startsWith('owner-') || local.endsWith('-request'))) return whole;
  const positions = Array.from(delimiters, (delimiter) => local.indexOf(delimiter)).filter(
    (each) => each >= 0,
  );
  const first = Math.min(...positions);
  if (positions.length === 0 || first === 0) return whole;
  return { base: local.slice(0, first), extension: local.slice(first) };
}

/** Puts an extension between local part and domain of a manifest's address; keeps an extension that is there already. */
export function withExtension(address: string, extension: string): string {
  if (extension === '') return address;
  const at = address.lastIndexOf('@');
  const quotable = /^[^\x00-\x20"(),:;<>@[\\\]\x7f]+$/.test(extension);
  // An extension that was quoted does not survive in an unquoted local part; without it the mail still arrives.
  return quotable ? `${address.slice(0, at)}${extension}${address.slice(at)}` : address;
}

/** The text between the quotes of a quoted local-part (RFC 5321 section 4.1.2), pairs resolved. */
function unquote(localPart: string): string {
  if (!localPart.startsWith('"') || !localPart.endsWith('"') || localPart.length < 2) return localPart;
  return localPart.slice(1, -1).replace(/\\([\s\S])/g, '$1');
}
