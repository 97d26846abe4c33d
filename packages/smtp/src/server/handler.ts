/**
 * What the engine and its user say to each other. The engine knows lines, replies, deadlines, TLS and content streams; the
 * handler (one per connection) knows SMTP commands and policy. Every call of the handler returns a {@link Reaction}, at once
 * or as a promise; the engine never calls it again before the last reaction is there, so a handler needs no locks.
 * An exception or rejection is a fault of the handler: the engine tells it through `fault` and closes the connection.
 */

/** Octets of content on their way in. Slices stay valid for ever (the engine never writes into them again). */
export interface ContentReceiver {
  /** Takes one slice; a promise means backpressure: the engine reads nothing more from the client until it resolves. */
  write(slice: Uint8Array): Promise<void> | undefined;
  /** The end of the data (or of the chunk) has come. */
  end(facts: ContentFacts): Reaction | Promise<Reaction>;
}

/** What the engine saw in content. */
export interface ContentFacts {
  /** A line ended in LF without CR. Always false for chunks: their octets are not looked at. */
  readonly hasBareLineFeed: boolean;
}

/** What the engine does after a reply. */
export type Next =
  /** Read the next command. */
  | { readonly kind: 'command' }
  /** Close the connection once the reply is written. */
  | { readonly kind: 'close' }
  /** The same after QUIT: the client says nothing more, so nothing of it is waited for. */
  | { readonly kind: 'quit' }
  /** Begin the TLS handshake once the reply is written; whatever the client sent before it is discarded (RFC 3207 section 5). */
  | { readonly kind: 'tls' }
  /** Read one line that is no command (an AUTH response); `undefined` is given for a line above `limitBytes`. */
  | {
      readonly kind: 'line';
      readonly limitBytes: number;
      receive(line: Uint8Array | undefined): Reaction | Promise<Reaction>;
    }
  /** Read data up to CRLF.CRLF. `deadlineAt` is in milliseconds of {@link monotonicMs}. */
  | { readonly kind: 'data'; readonly receiver: ContentReceiver; readonly deadlineAt: number }
  /** Read exactly so many octets (BDAT). */
  | {
      readonly kind: 'chunk';
      readonly bytes: number;
      readonly receiver: ContentReceiver;
      readonly deadlineAt: number;
    };

/** The answer to one event of the dialogue. */
export interface Reaction {
  /** Complete reply with CRLF line ends; undefined = nothing to say yet (BDAT before its chunk). */
  readonly reply: string | undefined;
  readonly next: Next;
  /** Wait so long before the reply is sent (Postfix smtpd_error_sleep_time); the client's input stays unread. */
  readonly delayMs?: number;
}

/** Why a connection ended. */
export type CloseReason =
  /** The handler closed it. */
  | 'closed'
  /** The peer went away, or the connection broke. */
  | 'lost'
  | 'timeout'
  | 'tls-failed'
  | 'drained'
  | 'fault';

/** Facts of a TLS session that is up. */
export interface HandshakeFacts {
  /** For example `TLSv1.3`. */
  readonly protocol: string;
  /** OpenSSL's or IANA's name, for example `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  readonly bits: number | undefined;
}

/** One side of the dialogue: what the user of the engine writes. */
export interface SessionHandler {
  /** Time limits in force; asked again for each command. */
  readonly idleMs: number;
  /** Longest command line in octets, CRLF included; what is beyond is discarded unread. */
  readonly lineLimitBytes: number;
  /** The connection stands (for implicit TLS: before the handshake): greet or refuse. */
  open(): Reaction | Promise<Reaction>;
  /**
   * One command line without its line end.
   * @param hasMoreInput the client has already sent more: allowed only inside a PIPELINING group (RFC 2920)
   */
  command(line: Uint8Array, hasMoreInput: boolean): Reaction | Promise<Reaction>;
  /** A command line above the limit was discarded. */
  overlongLine(): Reaction | Promise<Reaction>;
  /** The handshake is done: forget what was known before (RFC 3207 section 4.2). */
  secured(facts: HandshakeFacts): void;
  /** What to say when a deadline has passed; the connection closes then. Undefined: nothing (a handshake). */
  timedOut(): string;
  /** What to say when the process drains; the connection closes then. */
  draining(): string;
  /** The handler threw. Says what to answer before the connection closes. */
  fault(error: unknown): string;
  /** The connection is gone; content in hand is to be dropped. Called exactly once. */
  closed(reason: CloseReason, error?: Error): void;
}

/** The clock of deadlines: monotonic milliseconds. */
export function monotonicMs(): number {
  return performance.now();
}
