/**
 * What a server said it can do in its reply to EHLO or LHLO (RFC 5321 section 4.1.1.1). Keywords compare without case;
 * those we have no use for are forgotten.
 */
import { type Reply, asciiUpperCase } from '@railpost/mail';

/** Extensions of the server. */
export interface Capabilities {
  /** The name by which the server calls itself: first word of the reply. */
  readonly serverName: string;
  /** RFC 2920 */
  readonly hasPipelining: boolean;
  /** RFC 1870: whether MAIL may carry SIZE. */
  readonly hasSize: boolean;
  /** Largest message in octets; undefined = not said, or 0 (no fixed limit). */
  readonly sizeLimitBytes: number | undefined;
  /** RFC 6152 */
  readonly hasEightBitMime: boolean;
  /** RFC 6531 */
  readonly hasSmtpUtf8: boolean;
  /** RFC 3461 */
  readonly hasDsn: boolean;
  /** RFC 3207 */
  readonly hasStartTls: boolean;
  /** SASL mechanisms in upper case (RFC 4954). */
  readonly authMechanisms: readonly string[];
}

/** What a server can do that knows HELO only. */
export function basicCapabilities(reply: Reply): Capabilities {
  return {
    serverName: firstWord(reply.lines[0] ?? ''),
    hasPipelining: false,
    hasSize: false,
    sizeLimitBytes: undefined,
    hasEightBitMime: false,
    hasSmtpUtf8: false,
    hasDsn: false,
    hasStartTls: false,
    authMechanisms: [],
  };
}

/** Reads the reply to EHLO or LHLO. */
export function parseCapabilities(reply: Reply): Capabilities {
  const keywords = new Map<string, readonly string[]>();
  for (const line of reply.lines.slice(1)) {
    // `AUTH=LOGIN` is how servers of the 1990s wrote it, and some still do beside the proper line.
    const [keyword = '', ...parameters] = asciiUpperCase(line.trim())
      .replace(/^AUTH=/, 'AUTH ')
      .split(/\s+/);
    keywords.set(keyword, [...(keywords.get(keyword) ?? []), ...parameters]);
  }
  const size = Number(keywords.get('SIZE')?.[0] ?? 0);
  return {
    serverName: firstWord(reply.lines[0] ?? ''),
    hasPipelining: keywords.has('PIPELINING'),
    hasSize: keywords.has('SIZE'),
    sizeLimitBytes: Number.isSafeInteger(size) && size > 0 ? size : undefined,
    hasEightBitMime: keywords.has('8BITMIME'),
    hasSmtpUtf8: keywords.has('SMTPUTF8'),
    hasDsn: keywords.has('DSN'),
    hasStartTls: keywords.has('STARTTLS'),
    authMechanisms: [...new Set(keywords.get('AUTH') ?? [])],
  };
}

/** The first word of a line: the server's name in a greeting or a reply to EHLO. */
export function firstWord(line: string): string {
  return line.trim().split(/\s+/)[0] ?? '';
}
