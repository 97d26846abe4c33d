/**
 * Errors of the bus. `code` is stable and for programs, `temporary` says whether the same call may succeed later,
 * `cause` holds what the client library said. Callers branch on the class or the code, never on the text.
 */

/** Base of all errors this package rejects with. */
export class BusError extends Error {
  readonly code: string;
  readonly temporary: boolean;

  constructor(code: string, message: string, options: { temporary: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.temporary = options.temporary;
  }
}

/** The server, or the leader of a stream, cannot be reached now. */
export class BusUnavailableError extends BusError {
  constructor(message: string, cause?: unknown) {
    super('BUS_UNAVAILABLE', message, { temporary: true, cause });
  }
}

/** The caller's abort signal fired, or the bus was closed, before the answer came. What was sent may be stored. */
export class BusClosedError extends BusError {
  constructor(message: string) {
    super('BUS_CLOSED', message, { temporary: true });
  }
}

/** The stream is at its max_bytes (JetStream error 10077); nothing was stored. SMTP: 452 4.3.1. */
export class StreamFullError extends BusError {
  readonly stream: string;

  constructor(stream: string) {
    super('STREAM_FULL', `stream ${stream} is full`, { temporary: true });
    this.stream = stream;
  }
}

/** JetStream refused the message for a reason that will not go away by itself. */
export class BusRefusedError extends BusError {
  /** JetStream `err_code`. */
  readonly serverCode: number;

  constructor(serverCode: number, message: string) {
    super('BUS_REFUSED', message, { temporary: false });
    this.serverCode = serverCode;
  }
}

/** An existing stream or consumer has settings that Railpost cannot work with and may not change. */
export class IncompatibleStreamError extends BusError {
  constructor(message: string) {
    super('INCOMPATIBLE_STREAM', message, { temporary: false });
  }
}

/** Another process has taken the shard over (durability rule 4): drop all memory, acknowledge nothing. */
export class DeposedError extends BusError {
  constructor(shard: number) {
    super('DEPOSED', `shard ${shard} has another owner now`, { temporary: false });
  }
}
