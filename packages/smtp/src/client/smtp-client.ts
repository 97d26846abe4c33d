/**
 * A session with an SMTP (RFC 5321) or LMTP (RFC 2033) server: greeting, EHLO or LHLO, STARTTLS, AUTH, transactions, QUIT.
 * A protocol engine without policy: it says what the server answered, and the caller decides what that means. Methods
 * reject with {@link ClientError} when the session breaks down; it is closed then.
 */
import { encodeUtf8, type Reply } from '@railpost/mail';
import { type Capabilities, basicCapabilities, firstWord, parseCapabilities } from './capabilities.ts';
import { type ConnectTarget, Connection, type TlsFacts, type TlsRequest } from './connection.ts';
import {
  type ClientTimeouts,
  type OutgoingMessage,
  type RecipientResult,
  runTransaction,
} from './transaction.ts';

/** How to open a session. */
export interface SessionOptions {
  readonly target: ConnectTarget;
  readonly protocol: 'smtp' | 'lmtp';
  readonly timeouts: ClientTimeouts;
}

/** User name and password (RFC 4616). */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** An open session. */
export class SmtpClient {
  readonly #connection: Connection;
  readonly #options: SessionOptions;
  readonly greeting: Reply;
  #capabilities: Capabilities;
  #tls: TlsFacts | undefined;
  #needsReset = false;
  #isSpoiled = false;
  #transactions = 0;
  /** The transactions that have begun; never rejects. */
  #running: Promise<unknown> | undefined;

  private constructor(connection: Connection, options: SessionOptions, greeting: Reply) {
    this.#connection = connection;
    this.#options = options;
    this.greeting = greeting;
    this.#capabilities = basicCapabilities(greeting);
  }

  /** Connects and reads the greeting, whatever it says. */
  static async open(options: SessionOptions): Promise<SmtpClient> {
    const connection = await Connection.open(options.target, options.timeouts.connectMs);
    const greeting = await connection.receive('greeting', options.timeouts.commandMs);
    return new SmtpClient(connection, options, greeting);
  }

  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** Undefined while the session is in the clear. */
  get tls(): TlsFacts | undefined {
    return this.#tls;
  }

  /** Address of the server. */
  get remote(): string {
    return this.#connection.remote;
  }

  /** Names that the server gave itself in its greeting and in its reply to EHLO. */
  get serverNames(): readonly string[] {
    return [firstWord(this.greeting.lines[0] ?? ''), this.#capabilities.serverName];
  }

  /** Transactions so far. */
  get transactions(): number {
    return this.#transactions;
  }

  /** True while a transaction has not ended: another one may only follow behind its dot, when its message offered the session. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when no transaction is under way. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** True when another message may be sent over this session. */
  get isReusable(): boolean {
    return this.#connection.isOpen && !this.#isSpoiled && this.#connection.unaskedReply === undefined;
  }

  /**
   * Says EHLO, and HELO when that is refused; LHLO in LMTP. Answers the last reply.
   * A 421 is not followed by HELO: the server wants to be left alone.
   */
  async hello(name: string): Promise<Reply> {
    if (this.#options.protocol === 'lmtp') return await this.#extendedHello(`LHLO ${name}`);
    const reply = await this.#extendedHello(`EHLO ${name}`);
    if (isPositive(reply) || reply.code === 421) return reply;
    const basic = await this.#command(`HELO ${name}`, 'hello');
    if (isPositive(basic)) this.#capabilities = basicCapabilities(basic);
    return basic;
  }

  /**
   * Says STARTTLS; when the server is ready, negotiates, and says EHLO again (RFC 3207 section 4.2). Answers the reply to
   * STARTTLS when that is not 220, else the reply to EHLO.
   */
  async startTls(request: TlsRequest, name: string): Promise<Reply> {
    const ready = await this.#command('STARTTLS', 'starttls');
    if (ready.code !== 220) return ready;
    this.#tls = await this.#connection.startTls(request);
    return await this.hello(name);
  }

  /** Logs in by PLAIN, else LOGIN (RFC 4954). Answers the last reply; undefined when the server offers neither. */
  async authenticate(credentials: Credentials): Promise<Reply | undefined> {
    const mechanisms = this.#capabilities.authMechanisms;
    if (mechanisms.includes('PLAIN')) {
      const response = base64(`\0${credentials.username}\0${credentials.password}`);
      // A command line holds 512 octets (RFC 5321 section 4.5.3.1.4); a longer response waits for the challenge.
      if (response.length < 480) return await this.#command(`AUTH PLAIN ${response}`, 'auth');
      const challenge = await this.#command('AUTH PLAIN', 'auth');
      return challenge.code === 334 ? await this.#command(response, 'auth') : challenge;
    }
    if (!mechanisms.includes('LOGIN')) return undefined;
    const first = await this.#command('AUTH LOGIN', 'auth');
    if (first.code !== 334) return first;
    const second = await this.#command(base64(credentials.username), 'auth');
    return second.code === 334 ? await this.#command(base64(credentials.password), 'auth') : second;
  }

  /**
   * Sends one message; results stand in the order of the recipients. Never rejects for what the peer does. While another is being sent
   * only when that one's `offerSession` is being asked, or said true.
   * @throws what `mayCommit` rejected with: nothing was delivered
   */
  send(message: OutgoingMessage): Promise<readonly RecipientResult[]> {
    const results = this.#send(message, this.#running);
    const running: Promise<unknown> = results.then(
      () => this.#noteEnd(running),
      () => this.#noteEnd(running),
    );
    this.#running = running;
    return results;
  }

  async #send(
    message: OutgoingMessage,
    previous: Promise<unknown> | undefined,
  ): Promise<readonly RecipientResult[]> {
    const { protocol, timeouts } = this.#options;
    const capabilities = this.#capabilities;
    this.#transactions += 1;
    this.#needsReset = true;
    const results = await runTransaction(
      {
        connection: this.#connection,
        capabilities,
        protocol,
        timeouts,
        previous,
        isExclusive: protocol === 'lmtp' || !capabilities.hasPipelining,
      },
      message,
    );
    // A reply to the dot ends the transaction; anything else leaves the server inside one.
    this.#needsReset = !results.some((each) => each.kind === 'replied' && each.phase === 'dot');
    this.#isSpoiled ||= results.some((each) => each.kind === 'replied' && isFarewell(each.reply));
    return results;
  }

  #noteEnd(running: Promise<unknown>): void {
    if (this.#running === running) this.#running = undefined;
  }

  /** Brings the session back to where a transaction can start. False when it cannot be used any more. */
  async reset(): Promise<boolean> {
    await this.settled();
    if (!this.isReusable) return false;
    if (!this.#needsReset) return true;
    const reply = await this.#command('RSET', 'rset');
    this.#needsReset = false;
    return isPositive(reply);
  }

  /** Says QUIT and closes; nobody waits for the answer. */
  quit(): void {
    this.#connection.close('QUIT\r\n');
  }

  /** Hangs up. */
  destroy(): void {
    this.#connection.destroy();
  }

  async #extendedHello(command: string): Promise<Reply> {
    const reply = await this.#command(command, 'hello');
    if (isPositive(reply)) this.#capabilities = parseCapabilities(reply);
    return reply;
  }

  async #command(line: string, phase: 'hello' | 'starttls' | 'auth' | 'rset'): Promise<Reply> {
    this.#connection.writeLines(`${line}\r\n`);
    const reply = await this.#connection.receive(phase, this.#options.timeouts.commandMs);
    this.#isSpoiled ||= isFarewell(reply);
    return reply;
  }
}

function isPositive(reply: Reply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

/** 421 and 521 announce that the server hangs up (RFC 5321 section 3.8, RFC 7504). */
function isFarewell(reply: Reply): boolean {
  return reply.code === 421 || reply.code === 521;
}

function base64(text: string): string {
  return Buffer.from(encodeUtf8(text)).toString('base64');
}
