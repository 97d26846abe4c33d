/**
 * Extensions that a listener withholds are refused when they are used (Postfix smtpd_discard_ehlo_keywords): SMTPUTF8 is an unknown
 * option then, DSN is disabled, BDAT does not exist. SIZE, 8BITMIME and VRFY still work: only their names are hidden.
 */
import type { ListenerSettings } from '@railpost/config';
import { type MailParameters, type MailPath, type RcptParameters, isAscii } from '@railpost/mail';
import type { Refusal } from './recipient.ts';

/** Why parameters of MAIL or RCPT are refused on this listener, or undefined. */
export function withheldParameter(
  { smtputf8, ret, envid, notify, orcpt }: MailParameters & RcptParameters,
  { withheldKeywords }: ListenerSettings,
): Refusal | undefined {
  if (smtputf8 === true && withheldKeywords.includes('SMTPUTF8')) {
    return { status: 'unsupportedOption', values: { option: 'SMTPUTF8' } };
  }
  const usesDsn = [ret, envid, notify, orcpt].some((each) => each !== undefined);
  return usesDsn && withheldKeywords.includes('DSN') ? { status: 'dsnDisabled' } : undefined;
}

/**
 * A domain beyond ASCII wants SMTPUTF8 (RFC 6531 section 3.4); Postfix takes such a local-part without it, and so do we.
 */
export function needsSmtpUtf8(path: MailPath, parameters: MailParameters): boolean {
  return path.domain !== undefined && !isAscii(path.domain) && parameters.smtputf8 !== true;
}
