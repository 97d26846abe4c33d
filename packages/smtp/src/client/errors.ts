/** How a session with a server can fail before there is a reply that says so. What servers *answer* is never an error here. */

/** Where in a session something happened. */
export type ClientPhase =
  | 'connect'
  | 'greeting'
  | 'hello'
  | 'starttls'
  | 'handshake'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'dot'
  | 'rset';

/** What happened. `PEER_UNTRUSTED`: the TLS handshake went well, the certificate did not. */
export type ClientErrorCode =
  | 'CONNECT_FAILED'
  | 'CONNECTION_LOST'
  | 'TIMEOUT'
  | 'PROTOCOL_ERROR'
  | 'TLS_FAILED'
  | 'PEER_UNTRUSTED';

/** The session is over. Whether a message that was on its way arrived is unknown in phase `dot`, and certain (no) before. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly phase: ClientPhase;
  readonly temporary = true;

  constructor(
    code: ClientErrorCode,
    phase: ClientPhase,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.name = 'ClientError';
    this.code = code;
    this.phase = phase;
  }
}
