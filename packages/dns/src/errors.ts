/** What can go wrong when the DNS gives no answer at all. A name that does not exist is an answer, not an error. */

/** Why there was no answer. */
export type DnsErrorCode = 'DNS_TIMEOUT' | 'DNS_SERVER_FAILURE' | 'DNS_BAD_NAME' | 'DNS_NO_SERVERS';

/** No usable answer from any server. Temporary, except for a name that no server could ever answer. */
export class DnsError extends Error {
  readonly code: DnsErrorCode;
  readonly temporary: boolean;

  constructor(code: DnsErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'DnsError';
    this.code = code;
    this.temporary = code !== 'DNS_BAD_NAME';
  }
}
