/**
 * One connection to a server: octets out with backpressure, replies in with a deadline each, TLS in between.
 * Knows nothing of mail. Every failure is a {@link ClientError} and leaves the connection closed.
 */
import { type Socket, createConnection, isIP } from 'node:net';
import { type SecureContext, type TLSSocket, checkServerIdentity, connect as connectTls } from 'node:tls';
import type { Reply } from '@railpost/mail';
import { ClientError, type ClientPhase } from './errors.ts';
import { type ReplyEnd, ReplyStream, isReply } from './reply-stream.ts';

/** Where to connect to. */
export type ConnectTarget = { readonly address: string; readonly port: number } | { readonly path: string };

/** How to negotiate TLS. */
export interface TlsRequest {
  /** Trust anchors and client certificate. */
  readonly secureContext: SecureContext;
  /** Host that we meant to reach: sent as SNI unless it is an address. */
  readonly serverName: string;
  /** Names of which the certificate must carry one, from a trusted chain; empty = any certificate will do. */
  readonly verifyNames: readonly string[];
  readonly timeoutMs: number;
}

/** What was negotiated, for logs. */
export interface TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
  readonly isVerified: boolean;
}

/** Gather octets up to this many before they go to the socket; above it, respect backpressure. */
const writeBatchBytes = 64 * 1024;

/** An open connection. */
export class Connection {
  #socket: Socket | TLSSocket;
  #replies = new ReplyStream();
  #gatheredBytes = 0;
  /** Until when a reply must have come; infinite while nobody waits for one. Monotonic, as is the time of the timer. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  #ringsAtMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** Address of the far end, or the path of a UNIX socket. */
  readonly remote: string;

  private constructor(socket: Socket, remote: string) {
    this.#socket = socket;
    this.remote = remote;
    this.#listen(socket);
  }

  /** Opens a connection. @throws ClientError in phase `connect` */
  static open(target: ConnectTarget, timeoutMs: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const isPath = 'path' in target;
      const socket = createConnection(
        isPath ? { path: target.path } : { host: target.address, port: target.port, noDelay: true },
      );
      const fail = (code: 'TIMEOUT' | 'CONNECT_FAILED', text: string, cause?: unknown): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new ClientError(code, 'connect', text, { cause }));
      };
      const timer = setTimeout(() => fail('TIMEOUT', 'Connection timed out'), timeoutMs);
      socket.once('error', (cause) => fail('CONNECT_FAILED', describeSystemError(cause), cause));
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(new Connection(socket, isPath ? target.path : target.address));
      });
    });
  }

  get isOpen(): boolean {
    return !this.#replies.isEnded && !this.#socket.destroyed;
  }

  /** A reply that the server sent without being asked, if one has come. */
  get unaskedReply(): Reply | undefined {
    return this.#replies.peek();
  }

  /** Writes one or more whole command lines, CRLF included. */
  writeLines(lines: string): void {
    this.#socket.write(lines);
  }

  /** Adds octets to the batch on its way; a promise when the caller should wait (rejects when the peer takes none for `timeoutMs`). */
  gather(octets: Uint8Array, timeoutMs: number): Promise<void> | undefined {
    if (this.#gatheredBytes === 0) this.#socket.cork();
    this.#gatheredBytes += octets.length;
    this.#socket.write(octets);
    if (this.#gatheredBytes < writeBatchBytes) return undefined;
    this.flush();
    return this.#socket.writableNeedDrain ? this.#drained(timeoutMs) : undefined;
  }

  /** Lets the batch go. */
  flush(): void {
    if (this.#gatheredBytes === 0) return;
    this.#gatheredBytes = 0;
    this.#socket.uncork();
  }

  /** Lets the batch go when this turn of the event loop is over, with all that is written until then. Resolves after it. */
  flushSoon(): Promise<void> {
    return new Promise((resolve) => {
      process.nextTick(() => {
        this.flush();
        resolve();
      });
    });
  }

  /** The next reply, at once when it has come. @throws ClientError when none comes in time, the connection ends, or it is no reply */
  receive(phase: ClientPhase, timeoutMs: number): Reply | Promise<Reply> {
    const next = this.#replies.next();
    return next instanceof Promise
      ? this.#receiveLater(next, phase, timeoutMs)
      : this.#requireReply(next, phase);
  }

  async #receiveLater(
    next: Promise<Reply | ReplyEnd>,
    phase: ClientPhase,
    timeoutMs: number,
  ): Promise<Reply> {
    this.#deadlineMs = performance.now() + timeoutMs;
    this.#watchDeadline();
    const result = await next;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    return this.#requireReply(result, phase);
  }

  #requireReply(result: Reply | ReplyEnd, phase: ClientPhase): Reply {
    if (isReply(result)) return result;
    this.destroy();
    if (result.kind === 'timeout') throw new ClientError('TIMEOUT', phase, 'conversation timed out');
    if (result.kind === 'malformed') throw new ClientError('PROTOCOL_ERROR', phase, 'not an SMTP reply');
    throw new ClientError('CONNECTION_LOST', phase, 'lost connection', { cause: result.cause });
  }

  /** Turns the connection into a TLS one. @throws ClientError in phase `handshake` (`TLS_FAILED`, `PEER_UNTRUSTED`, `TIMEOUT`) */
  async startTls(request: TlsRequest): Promise<TlsFacts> {
    const plain = this.#socket;
    if (this.#replies.hasUnread) {
      this.destroy();
      throw new ClientError('PROTOCOL_ERROR', 'starttls', 'plaintext after the reply to STARTTLS');
    }
    plain.removeAllListeners('data');
    plain.removeAllListeners('close');
    const secure = await handshake(plain, request);
    const problem = request.verifyNames.length === 0 ? undefined : trustProblem(secure, request.verifyNames);
    if (problem !== undefined) {
      secure.destroy();
      this.#replies.end({ kind: 'closed' });
      throw new ClientError('PEER_UNTRUSTED', 'handshake', problem);
    }
    this.#socket = secure;
    this.#replies = new ReplyStream();
    this.#listen(secure);
    return {
      protocol: secure.getProtocol() ?? 'unknown',
      cipher: secure.getCipher().name,
      isVerified: request.verifyNames.length > 0,
    };
  }

  /** Sends a last line and closes without waiting for long. */
  close(lastLine: string): void {
    if (!this.isOpen) {
      this.destroy();
      return;
    }
    this.#socket.end(lastLine);
    // The peer may keep its side open for ever; the farewell is a courtesy.
    const timer = setTimeout(() => this.destroy(), 5000);
    timer.unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#replies.end({ kind: 'closed' });
  }

  #listen(socket: Socket): void {
    const replies = this.#replies;
    let lastError: unknown;
    socket.on('data', (chunk: Buffer) => {
      replies.push(chunk);
      // Whoever floods us or speaks another protocol is hung up on at once.
      if (replies.isEnded) socket.destroy();
    });
    socket.on('error', (cause) => {
      lastError = cause;
    });
    socket.on('end', () => replies.end({ kind: 'closed' }));
    socket.on('close', () => {
      clearTimeout(this.#timer);
      replies.end({ kind: 'closed', cause: lastError });
    });
  }

  /** One timer serves many waits: it is left running when a wait ends and looks again when it rings. */
  #watchDeadline(): void {
    if (this.#ringsAtMs <= this.#deadlineMs) return;
    clearTimeout(this.#timer);
    this.#ringsAtMs = this.#deadlineMs;
    this.#timer = setTimeout(() => this.#ring(), Math.max(1, this.#deadlineMs - performance.now()));
  }

  #ring(): void {
    this.#ringsAtMs = Number.POSITIVE_INFINITY;
    if (this.#replies.isEnded || this.#deadlineMs === Number.POSITIVE_INFINITY) return;
    if (performance.now() >= this.#deadlineMs) this.#replies.end({ kind: 'timeout' });
    else this.#watchDeadline();
  }

  #drained(timeoutMs: number): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const done = (error?: ClientError): void => {
        clearTimeout(timer);
        socket.off('drain', onDrain);
        socket.off('close', onClose);
        if (error === undefined) resolve();
        else reject(error);
      };
      const onDrain = (): void => done();
      const onClose = (): void => done(new ClientError('CONNECTION_LOST', 'body', 'lost connection'));
      const timer = setTimeout(() => {
        this.destroy();
        done(new ClientError('TIMEOUT', 'body', 'conversation timed out'));
      }, timeoutMs);
      socket.once('drain', onDrain);
      socket.once('close', onClose);
      if (socket.destroyed) onClose();
    });
  }
}

function handshake(plain: Socket, request: TlsRequest): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket: plain,
      secureContext: request.secureContext,
      // SNI carries names only (RFC 6066 section 3).
      ...(isIP(request.serverName) === 0 ? { servername: request.serverName } : {}),
      // Trust is judged after the handshake, by policy: most modes take any certificate.
      rejectUnauthorized: false,
      // The name is compared afterwards, too; `authorized` then speaks of the chain alone.
      checkServerIdentity: () => undefined,
    });
    const fail = (code: 'TLS_FAILED' | 'TIMEOUT', text: string, cause?: unknown): void => {
      clearTimeout(timer);
      secure.removeAllListeners();
      secure.on('error', () => undefined);
      secure.destroy();
      plain.destroy();
      reject(new ClientError(code, 'handshake', text, { cause }));
    };
    const timer = setTimeout(() => fail('TIMEOUT', 'TLS handshake timed out'), request.timeoutMs);
    secure.once('error', (cause) => fail('TLS_FAILED', 'handshake failure', cause));
    secure.once('close', () => fail('TLS_FAILED', 'lost connection'));
    secure.once('secureConnect', () => {
      clearTimeout(timer);
      secure.removeAllListeners();
      resolve(secure);
    });
  });
}

function trustProblem(secure: TLSSocket, names: readonly string[]): string | undefined {
  if (!secure.authorized) return 'Server certificate not trusted';
  const certificate = secure.getPeerCertificate();
  const isNamed = names.some((name) => checkServerIdentity(name, certificate) === undefined);
  return isNamed ? undefined : 'Server certificate not verified';
}

const systemErrorTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ETIMEDOUT: 'Connection timed out',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
};

/** strerror(3) of a socket error, as Postfix logs it. */
function describeSystemError(cause: Error): string {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return systemErrorTexts[code] ?? (code === '' ? 'Connection failed' : code);
}
