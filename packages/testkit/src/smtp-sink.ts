/**
 * A recording SMTP or LMTP server for tests: takes everything, remembers it octet by octet, and answers as scripted.
 * Written without the product's engines, so that a mistake in them is not mirrored here. Strict where it matters: only
 * CRLF.CRLF ends data, and a command after STARTTLS is read from the TLS session only.
 */
import { type Server, type Socket, createServer } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';

/** What a script sees. `CONNECT` asks for the greeting, `DOT` for the reply to the end of data (in LMTP once a recipient). */
export interface SinkStep {
  readonly verb: string;
  /** The whole command line without CRLF; for `DOT` the recipient in LMTP. */
  readonly line: string;
  /** Counts connections from 1. */
  readonly session: number;
  /** Counts messages of this session from 1. */
  readonly transaction: number;
}

/** What a script says: reply text without final CRLF (lines joined by CRLF), or how to misbehave. */
export type SinkAnswer =
  | string
  | { readonly reply?: string; readonly delayMs?: number; readonly hangUp?: boolean }
  | undefined;

/** How a sink behaves. */
export interface SmtpSinkOptions {
  /** @default 'smtp' */
  readonly protocol?: 'smtp' | 'lmtp';
  /** @default 'sink.test' */
  readonly hostname?: string;
  /** Lines of the reply to EHLO. @default PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN, ENHANCEDSTATUSCODES */
  readonly extensions?: readonly string[];
  /** Offers STARTTLS. PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Offers AUTH PLAIN LOGIN: passwords by user name. */
  readonly users?: Readonly<Record<string, string>>;
  /** Asked at each step; undefined = the usual answer. */
  readonly script?: (step: SinkStep) => SinkAnswer;
  readonly port?: number;
  /** Loopback address to listen on. @default '127.0.0.1' */
  readonly host?: string;
  /** Cuts every reply into pieces of this many octets, one packet each. */
  readonly replyPieceBytes?: number;
  /** Listen on this UNIX socket instead of a port. */
  readonly path?: string;
}

/** One message as it was taken. */
export interface SinkMessage {
  readonly reversePath: string;
  /** The whole MAIL command. */
  readonly mail: string;
  /** Addresses that were answered 2xx. */
  readonly recipients: readonly string[];
  /** The whole RCPT commands of these. */
  readonly rcpts: readonly string[];
  /** Content without dot-stuffing and without the final dot line. */
  readonly content: Buffer;
  readonly isTls: boolean;
  readonly login: string | undefined;
  readonly session: number;
}

/** A running sink. */
export interface SmtpSink {
  readonly port: number;
  readonly messages: readonly SinkMessage[];
  /** Every command line, `<session>: <line>`. */
  readonly commands: readonly string[];
  /** Connections so far. */
  readonly sessions: number;
  /** Connections open now. */
  readonly openSessions: number;
  /** Resolves when so many messages are there. @throws Error after `timeoutMs` */
  waitForMessages(count: number, timeoutMs?: number): Promise<readonly SinkMessage[]>;
  stop(): Promise<void>;
}

const defaultExtensions = [
  'PIPELINING',
  'SIZE 52428800',
  '8BITMIME',
  'SMTPUTF8',
  'DSN',
  'ENHANCEDSTATUSCODES',
];

/** Starts a sink. */
export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const messages: SinkMessage[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  let sessions = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    sessions += 1;
    new SinkSession(socket, sessions, options, { messages, commands }).start();
  });
  const port = await listen(server, options);

  return {
    port,
    messages,
    commands,
    get sessions() {
      return sessions;
    },
    get openSessions() {
      return sockets.size;
    },
    async waitForMessages(count, timeoutMs = 10_000) {
      const deadline = performance.now() + timeoutMs;
      while (messages.length < count) {
        if (performance.now() > deadline)
          throw new Error(`the sink has ${messages.length} of ${count} messages after ${timeoutMs} ms`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return messages;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface SinkRecord {
  readonly messages: SinkMessage[];
  readonly commands: string[];
}

class SinkSession {
  #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #isBusy = false;
  #data: Buffer[] | undefined;
  #mail = '';
  #rcpts: string[] = [];
  #transaction = 1;
  #login: string | undefined;
  #auth: ((line: string) => string) | undefined;
  readonly #number: number;
  readonly #options: SmtpSinkOptions;
  readonly #record: SinkRecord;

  constructor(socket: Socket, number: number, options: SmtpSinkOptions, record: SinkRecord) {
    this.#socket = socket;
    this.#number = number;
    this.#options = options;
    this.#record = record;
  }

  start(): void {
    this.#listen();
    const greeting = `220 ${this.#options.hostname ?? 'sink.test'} ESMTP sink`;
    void this.#answer('CONNECT', '', greeting);
  }

  #listen(): void {
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#data !== undefined) this.#data.push(chunk);
      else this.#received = Buffer.concat([this.#received, chunk]);
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (await this.#step());
    this.#isBusy = false;
  }

  /** Does one command or takes one content; false when more octets are needed. */
  async #step(): Promise<boolean> {
    if (this.#data !== undefined) return await this.#takeContent(this.#data);
    const end = this.#received.indexOf('\r\n');
    if (end === -1) return false;
    const line = this.#received.subarray(0, end).toString('utf8');
    this.#received = this.#received.subarray(end + 2);
    await this.#command(line);
    return !this.#socket.destroyed;
  }

  async #takeContent(data: Buffer[]): Promise<boolean> {
    // The end may be spread over as many chunks as it has octets. Dot-stuffed content cannot look like it.
    const tail = Buffer.concat(data.slice(-5));
    const isEmpty = data.length <= 5 && tail.subarray(0, 3).toString('latin1') === '.\r\n';
    if (!isEmpty && !tail.includes('\r\n.\r\n')) return false;
    const whole = Buffer.concat(data);
    const end = whole.indexOf('\r\n.\r\n');
    this.#data = undefined;
    const content = isEmpty ? Buffer.alloc(0) : unstuff(whole.subarray(0, end + 2));
    this.#received = whole.subarray(isEmpty ? 3 : end + 5);
    await this.#finish(content);
    return true;
  }

  async #finish(content: Buffer): Promise<void> {
    const recipients = this.#rcpts.map(pathOf);
    const isLmtp = this.#options.protocol === 'lmtp';
    const taken: string[] = [];
    for (const line of isLmtp ? recipients : [recipients.join(',')]) {
      const reply = await this.#answer(
        'DOT',
        line,
        `250 2.0.0 Ok: queued as ${this.#number}-${this.#transaction}`,
      );
      if (reply.startsWith('2')) taken.push(...(isLmtp ? [line] : recipients));
    }
    if (taken.length > 0) {
      this.#record.messages.push({
        reversePath: pathOf(this.#mail),
        mail: this.#mail,
        recipients: taken,
        rcpts: this.#rcpts,
        content,
        isTls: this.#socket instanceof TLSSocket,
        login: this.#login,
        session: this.#number,
      });
    }
    this.#transaction += 1;
    this.#reset();
  }

  #reset(): void {
    this.#mail = '';
    this.#rcpts = [];
  }

  async #command(line: string): Promise<void> {
    if (this.#auth !== undefined) {
      const step = this.#auth;
      this.#auth = undefined;
      await this.#answer('AUTH', line, step(line));
      return;
    }
    this.#record.commands.push(`${this.#number}: ${line}`);
    const verb = (line.split(' ')[0] ?? '').toUpperCase();
    if (verb === 'STARTTLS') await this.#startTls(line);
    else if (verb === 'DATA') await this.#startData(line);
    else await this.#simpleCommand(verb, line);
  }

  /** A command that one reply settles. */
  async #simpleCommand(verb: string, line: string): Promise<void> {
    if (['EHLO', 'LHLO', 'HELO', 'RSET'].includes(verb)) this.#reset();
    const reply = await this.#answer(verb, line, this.#usualReply(verb, line));
    if (verb === 'MAIL' && reply.startsWith('2')) this.#mail = line;
    if (verb === 'RCPT' && reply.startsWith('2')) this.#rcpts.push(line);
    if (verb === 'QUIT') this.#socket.end();
  }

  #usualReply(verb: string, line: string): string {
    const replies: Readonly<Record<string, () => string>> = {
      EHLO: () => this.#hello(verb),
      LHLO: () => this.#hello(verb),
      HELO: () => this.#hello(verb),
      AUTH: () => this.#authenticate(line),
      MAIL: () => '250 2.1.0 Ok',
      RCPT: () => (this.#mail === '' ? '503 5.5.1 MAIL first' : '250 2.1.5 Ok'),
      RSET: () => '250 2.0.0 Ok',
      NOOP: () => '250 2.0.0 Ok',
      QUIT: () => '221 2.0.0 Bye',
    };
    return replies[verb]?.() ?? '500 5.5.2 Unknown';
  }

  async #startData(line: string): Promise<void> {
    const usual = this.#rcpts.length === 0 ? '503 5.5.1 RCPT first' : '354 Go on';
    if (!(await this.#answer('DATA', line, usual)).startsWith('3')) return;
    this.#data = [this.#received];
    this.#received = Buffer.alloc(0);
  }

  #hello(verb: string): string {
    const name = this.#options.hostname ?? 'sink.test';
    if (verb === 'HELO') return `250 ${name}`;
    const lines = [name, ...(this.#options.extensions ?? defaultExtensions)];
    if (this.#options.tls !== undefined && !(this.#socket instanceof TLSSocket)) lines.push('STARTTLS');
    if (this.#options.users !== undefined) lines.push('AUTH PLAIN LOGIN');
    return lines.map((text, index) => `250${index === lines.length - 1 ? ' ' : '-'}${text}`).join('\r\n');
  }

  #authenticate(line: string): string {
    const [, mechanism = '', initial] = line.split(' ');
    const text = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
    const check = (user: string, password: string): string => {
      if (this.#options.users?.[user] !== password) return '535 5.7.8 Authentication failed';
      this.#login = user;
      return '235 2.7.0 Welcome';
    };
    const plain = (response: string): string => {
      const [, user = '', password = ''] = text(response).split('\0');
      return check(user, password);
    };
    if (mechanism.toUpperCase() === 'PLAIN') {
      if (initial !== undefined) return plain(initial);
      this.#auth = plain;
      return '334 ';
    }
    if (mechanism.toUpperCase() !== 'LOGIN') return '504 5.5.4 Unknown mechanism';
    this.#auth = (user) => {
      this.#auth = (password) => check(text(user), text(password));
      return '334 UGFzc3dvcmQ6';
    };
    return '334 VXNlcm5hbWU6';
  }

  async #startTls(line: string): Promise<void> {
    const { tls } = this.#options;
    const reply = await this.#answer(
      'STARTTLS',
      line,
      tls === undefined ? '502 5.5.1 No TLS' : '220 2.0.0 Go ahead',
    );
    if (tls === undefined || !reply.startsWith('220') || this.#socket.destroyed) return;
    const plain = this.#socket;
    plain.removeAllListeners('data');
    this.#received = Buffer.alloc(0);
    this.#socket = new TLSSocket(plain, { isServer: true, secureContext: createSecureContext(tls) });
    this.#socket.on('close', () => plain.destroy());
    this.#listen();
  }

  /** Says the scripted answer or the usual one; answers what was said. */
  async #answer(verb: string, line: string, usual: string): Promise<string> {
    const step = { verb, line, session: this.#number, transaction: this.#transaction };
    const scripted = this.#options.script?.(step);
    const answer = typeof scripted === 'string' ? { reply: scripted } : (scripted ?? {});
    if (answer.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delayMs));
    const reply = answer.reply ?? (answer.hangUp === true ? '' : usual);
    if (reply !== '' && !this.#socket.destroyed) await this.#write(`${reply}\r\n`);
    if (answer.hangUp === true) this.#socket.destroySoon();
    return reply;
  }

  async #write(text: string): Promise<void> {
    const piece = this.#options.replyPieceBytes;
    const octets = Buffer.from(text, 'utf8');
    if (piece === undefined) {
      this.#socket.write(octets);
      return;
    }
    for (let at = 0; at < octets.length; at += piece) {
      this.#socket.write(octets.subarray(at, at + piece));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Removes the dot that starts a line with more (RFC 5321 section 4.5.2). */
function unstuff(content: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let start = content[0] === 0x2e ? 1 : 0;
  for (let at = content.indexOf('\r\n.'); at !== -1; at = content.indexOf('\r\n.', at + 2)) {
    pieces.push(content.subarray(start, at + 2));
    start = at + 3;
  }
  return Buffer.concat([...pieces, content.subarray(start)]);
}

function pathOf(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? line;
}

function listen(server: Server, options: SmtpSinkOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const onListening = (): void => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    };
    if (options.path !== undefined) server.listen(options.path, onListening);
    else server.listen(options.port ?? 0, options.host ?? '127.0.0.1', onListening);
  });
}
