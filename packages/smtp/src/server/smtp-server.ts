/**
 * One listening port: accepts connections, makes a session of each, looks at all deadlines a few times a second, and
 * drains. Errors of `listen` reject; a broken connection never throws.
 */
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import type { SessionHandler } from './handler.ts';
import { monotonicMs } from './handler.ts';
import { SmtpSession, type TlsOptionsSource } from './session.ts';

/** Facts of a new connection. */
export interface ConnectionFacts {
  /** IPv4-mapped IPv6 addresses come as plain IPv4. */
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Options of a server. */
export interface SmtpServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** The handshake comes first (RFC 8314 section 3). */
  readonly isImplicitTls: boolean;
  readonly tlsOptions: TlsOptionsSource;
  createHandler(connection: ConnectionFacts): SessionHandler;
}

/** How often deadlines are looked at: they are met within this. */
const tickMs = 200;

/** A listening port and its sessions. */
export class SmtpServer {
  readonly #server: Server;
  readonly #sessions = new Set<SmtpSession>();
  readonly #ticker: NodeJS.Timeout;
  #whenEmpty: (() => void) | undefined;

  private constructor(options: SmtpServerOptions) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket, options),
    );
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#ticker.unref();
  }

  /** Opens the port. @throws the error of listen(2): EADDRINUSE, EACCES */
  static async listen(options: SmtpServerOptions): Promise<SmtpServer> {
    const server = new SmtpServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen({ host: options.host, port: options.port, backlog: 1024 }, () => {
        server.#server.off('error', reject);
        // Errors of accept(2), such as too many open files: the next connection may work.
        server.#server.on('error', () => undefined);
        resolve();
      });
    });
    return server;
  }

  /** The port that is open. */
  get port(): number {
    const address = this.#server.address();
    return isAddressInfo(address) ? address.port : 0;
  }

  /** Number of open sessions. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Closes the port, ends sessions at their next command boundary, and cuts off what is left after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#server.close();
    for (const session of [...this.#sessions]) session.drain();
    await this.#waitUntilEmpty(graceMs);
    for (const session of [...this.#sessions]) session.destroy();
    clearInterval(this.#ticker);
  }

  async #waitUntilEmpty(graceMs: number): Promise<void> {
    if (this.#sessions.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      timer = setTimeout(resolve, graceMs);
    });
    clearTimeout(timer);
  }

  #accept(socket: Socket, options: SmtpServerOptions): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // The peer was gone before we looked.
      socket.destroy();
      return;
    }
    const handler = options.createHandler({ remoteAddress: plainAddress(remoteAddress), remotePort });
    const session = new SmtpSession(socket, handler, options.tlsOptions, () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#whenEmpty?.();
    });
    this.#sessions.add(session);
    session.start(options.isImplicitTls);
  }

  #tick(): void {
    const nowMs = monotonicMs();
    for (const session of this.#sessions) session.checkDeadline(nowMs);
  }
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function isAddressInfo(address: string | AddressInfo | null): address is AddressInfo {
  return address !== null && typeof address === 'object';
}
