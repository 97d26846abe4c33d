/**
 * Enhanced status codes (RFC 3463): `class.subject.detail`, and how they agree with reply codes (RFC 2034 section 4).
 */

/** An enhanced status code in parts; class 2 success, 4 persistent transient failure, 5 permanent failure. */
export interface EnhancedStatus {
  readonly class: 2 | 4 | 5;
  readonly subject: number;
  readonly detail: number;
}

const form = /^([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])/;

/** Parses a code that stands alone, for example `5.1.1`; undefined when it is none. */
export function parseEnhancedStatus(code: string): EnhancedStatus | undefined {
  const found = form.exec(code);
  if (found === null || found[0].length !== code.length) return undefined;
  return { class: classOf(found[1]), subject: Number(found[2]), detail: Number(found[3]) };
}

/** Formats a code. */
export function formatEnhancedStatus(status: EnhancedStatus): string {
  return `${status.class}.${status.subject}.${status.detail}`;
}

/**
 * Splits reply text `5.1.1 Unknown user` into code and text. A code whose class differs from that of the reply code is
 * text (RFC 2034 section 4), except that a 3xx reply has none.
 */
export function splitEnhancedText(
  replyCode: number,
  text: string,
): { code: string | undefined; text: string } {
  const found = form.exec(text);
  if (found === null || Number(found[1]) !== Math.floor(replyCode / 100)) return { code: undefined, text };
  const code = found[0];
  const rest = text.slice(code.length);
  if (rest !== '' && !rest.startsWith(' ')) return { code: undefined, text };
  return { code, text: rest.slice(1) };
}

/** The code to report when a peer gave none: `<class>.0.0`; any reply that is neither 2xx nor 5xx counts as transient. */
export function defaultEnhancedStatus(replyCode: number): string {
  const first = Math.floor(replyCode / 100);
  return `${first === 2 || first === 5 ? first : 4}.0.0`;
}

function classOf(digit: string | undefined): 2 | 4 | 5 {
  if (digit === '2') return 2;
  return digit === '5' ? 5 : 4;
}
