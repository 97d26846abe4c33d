/**
 * The commands of a mail transaction as text: which parameters go to which server. Pure. A parameter is sent only to a server
 * that offered its extension; what was asked for and cannot be sent is the caller's decision to make before.
 */
import { type NotifyCondition, encodeXtext, isAscii } from '@railpost/mail';
import type { Capabilities } from './capabilities.ts';

/** What MAIL says. */
export interface MailRequest {
  /** Without angle brackets; empty = null reverse-path. */
  readonly reversePath: string;
  /** Octets that will be sent, before dot-stuffing; undefined = not known (RFC 1870). */
  readonly sizeBytes: number | undefined;
  readonly body: '7BIT' | '8BITMIME' | undefined;
  readonly isSmtpUtf8: boolean;
  readonly ret: 'FULL' | 'HDRS' | undefined;
  /** ENVID, still xtext. */
  readonly envid: string | undefined;
}

/** What one RCPT says. */
export interface RcptRequest {
  /** Without angle brackets. */
  readonly forwardPath: string;
  readonly notify: readonly NotifyCondition[] | undefined;
  /** ORCPT as received: `addr-type;xtext`. */
  readonly orcpt: string | undefined;
  /** The address as it was before rewriting: makes the ORCPT when none was received. */
  readonly original: string;
}

/** True when an address cannot be put into a command without changing what the command is. */
export function isUnsendable(address: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(address) || address.length > 1024;
}

/** `MAIL FROM:<...>` with parameters, CRLF included. */
export function formatMail(request: MailRequest, server: Capabilities): string {
  let line = `MAIL FROM:<${request.reversePath}>`;
  if (server.hasSize && request.sizeBytes !== undefined) line += ` SIZE=${request.sizeBytes}`;
  if (server.hasEightBitMime && request.body !== undefined) line += ` BODY=${request.body}`;
  if (server.hasSmtpUtf8 && request.isSmtpUtf8) line += ' SMTPUTF8';
  if (server.hasDsn && request.envid !== undefined) line += ` ENVID=${request.envid}`;
  if (server.hasDsn && request.ret !== undefined) line += ` RET=${request.ret}`;
  return `${line}\r\n`;
}

/** `RCPT TO:<...>` with parameters, CRLF included. */
export function formatRcpt(request: RcptRequest, server: Capabilities): string {
  let line = `RCPT TO:<${request.forwardPath}>`;
  if (server.hasDsn) {
    const orcpt = request.orcpt ?? originalRecipient(request.original, server);
    if (orcpt !== undefined) line += ` ORCPT=${orcpt}`;
    if (request.notify !== undefined && request.notify.length > 0)
      line += ` NOTIFY=${request.notify.join(',')}`;
  }
  return `${line}\r\n`;
}

/** As Postfix: a server that speaks DSN always hears whom the sender meant. RFC 6533 has no ASCII form we would need. */
function originalRecipient(original: string, server: Capabilities): string | undefined {
  if (original === '') return undefined;
  if (isAscii(original)) return `rfc822;${encodeXtext(original)}`;
  return server.hasSmtpUtf8 ? `utf-8;${original.replace(/[\\+= ]/g, escapeUnitext)}` : undefined;
}

function escapeUnitext(character: string): string {
  return `\\x{${character.charCodeAt(0).toString(16).toUpperCase()}}`;
}
