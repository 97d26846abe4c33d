/**
 * A scripted SMTP client for tests: writes octets exactly as told, in the packets it is told, and reads whole replies. Knows no SMTP
 * beyond the form of a reply. Every read has a bound; a reply that does not come rejects with what came instead.
 */
import { type Socket, createConnection } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';

/** One complete reply. */
export interface ScriptReply {
  readonly code: number;
  /** Without code and line ends. */
  readonly lines: readonly string[];
  /** First line as it came, without CRLF. */
  readonly text: string;
}

/** Options of {@link openSmtpScript}. */
export interface SmtpScriptOptions {
  readonly host?: string;
  /** Handshake first (submissions). */
  readonly isImplicitTls?: boolean;
  /** Name for SNI. */
  readonly servername?: string;
  /** How long a reply may take. @default 10000 */
  readonly replyMs?: number;
}

/** Connects; the greeting is not read yet. */
export async function openSmtpScript(port: number, options: SmtpScriptOptions = {}): Promise<SmtpScript> {
  const socket = createConnection({
    host: options.host ?? '127.0.0.1',
    port,
    noDelay: true,
    allowHalfOpen: true,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const script = new SmtpScript(socket, options);
  if (options.isImplicitTls === true) await script.startTls();
  return script;
}

/** A conversation. */
export class SmtpScript {
  #socket: Socket;
  readonly #options: SmtpScriptOptions;
  #received = '';
  #hasEnded = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, options: SmtpScriptOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#listen(socket);
  }

  /** Facts of the TLS session, when there is one. */
  get tls(): TLSSocket | undefined {
    return 'getPeerCertificate' in this.#socket ? (this.#socket as TLSSocket) : undefined; // checked just now
  }

  /** The server has closed its side. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Writes octets as they are (Latin-1 when text), in one packet. */
  write(octets: string | Uint8Array): void {
    this.#socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
  }

  /** Writes and waits until the kernel has taken it all: for large content. */
  async writeAll(octets: string | Uint8Array): Promise<void> {
    const bytes = typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets;
    await new Promise<void>((resolve) => {
      if (this.#socket.destroyed) resolve();
      else this.#socket.write(bytes, () => resolve());
    });
  }

  /** Sends lines, each with CRLF, in one packet, and reads one reply for each. */
  async say(...lines: readonly string[]): Promise<ScriptReply[]> {
    this.write(lines.map((line) => `${line}\r\n`).join(''));
    const replies: ScriptReply[] = [];
    for (let index = 0; index < lines.length; index += 1) replies.push(await this.reply());
    return replies;
  }

  /** Sends one line; the reply as `250 2.1.0 Ok`. */
  async ask(line: string): Promise<string> {
    const [reply] = await this.say(line);
    return reply?.text ?? '';
  }

  /** Reads the next reply. Rejects when none comes in time or the connection ends. */
  async reply(): Promise<ScriptReply> {
    const deadline = performance.now() + (this.#options.replyMs ?? 10_000);
    for (;;) {
      const reply = this.#takeReply();
      if (reply !== undefined) return reply;
      if (this.#hasEnded) throw new Error(`connection closed; unread: ${JSON.stringify(this.#received)}`);
      const restMs = deadline - performance.now();
      if (restMs <= 0) throw new Error(`no reply in time; unread: ${JSON.stringify(this.#received)}`);
      await this.#wait(restMs);
    }
  }

  /** Waits until the server closes the connection; true when it did within the time. */
  async waitForEnd(withinMs = 10_000): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!this.#hasEnded && performance.now() < deadline) await this.#wait(deadline - performance.now());
    return this.#hasEnded;
  }

  /** Everything that came and was not read as a reply. */
  unread(): string {
    return this.#received;
  }

  /** Goes over to TLS. Rejects when the handshake fails. */
  async startTls(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    const secure = connectTls({
      socket: plain,
      rejectUnauthorized: false,
      ...(this.#options.servername === undefined ? {} : { servername: this.#options.servername }),
    });
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
    this.#socket = secure;
    this.#listen(secure);
  }

  /** Ends our side; what the server still says can be read. */
  end(): void {
    this.#socket.end();
  }

  /** Cuts the connection. */
  close(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
      this.#wake();
    });
    const end = (): void => {
      this.#hasEnded = true;
      this.#wake();
    };
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  #takeReply(): ScriptReply | undefined {
    const found = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#received);
    if (found === null) return undefined;
    this.#received = this.#received.slice(found[0].length);
    const lines = found[0].trimEnd().split(/\r?\n/);
    return {
      code: Number(found[0].slice(0, 3)),
      lines: lines.map((line) => line.slice(4)),
      text: lines[0] ?? '',
    };
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
