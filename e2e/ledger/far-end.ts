/**
 * A far end of the ledger: an SMTP or LMTP server of its own (no line of it comes from the product) that tells of every message it has
 * taken responsibility for, the moment it does so, before it answers. How it misbehaves is decided by a policy; it never takes a
 * message and then says that it did not, because the second delivery that follows would be the far end's doing.
 */
import { type Server, type Socket, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathIn, unstuff } from './smtp-text.ts';

/** Where in a transaction a far end may misbehave. */
export type Moment = 'recipient' | 'content' | 'dot';

/** What it does there. */
export type Behaving =
  | { readonly kind: 'usual' }
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'hang-up' }
  /** Takes it, and answers later. */
  | { readonly kind: 'delay'; readonly ms: number };

/** What it took. */
export interface Taken {
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly content: Buffer;
  /** Port of the peer: tells which process delivered. */
  readonly peerPort: number;
  readonly session: FarEndSession;
}

/** What a far end needs. */
export interface FarEndOptions {
  readonly protocol?: 'smtp' | 'lmtp';
  /** Asked at each moment, with the recipient that it is about. */
  behave(moment: Moment, recipient: string): Behaving;
  onTaken(taken: Taken): void;
  /** Told of each connection. */
  onSession(session: FarEndSession): void;
}

/** One connection, as the ledger sees it. */
export interface FarEndSession {
  readonly peerPort: number;
  readonly ownPort: number;
}

/** A listening far end. */
export interface FarEnd {
  readonly port: number;
  stop(): Promise<void>;
}

const usual: Behaving = { kind: 'usual' };

/** Starts one on 127.0.0.1. */
export async function startFarEnd(options: FarEndOptions): Promise<FarEnd> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    new Session(socket, options).start();
  });
  await listen(server);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}

class Session implements FarEndSession {
  readonly peerPort: number;
  readonly ownPort: number;
  readonly #socket: Socket;
  readonly #options: FarEndOptions;
  #received: Buffer[] = [];
  #isBusy = false;
  #isInData = false;
  #reversePath = '';
  #recipients: string[] = [];

  constructor(socket: Socket, options: FarEndOptions) {
    this.#socket = socket;
    this.#options = options;
    this.peerPort = socket.remotePort ?? 0;
    this.ownPort = socket.localPort ?? 0;
  }

  start(): void {
    this.#options.onSession(this);
    this.#reply('220 far.test ESMTP');
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (!this.#socket.destroyed && (await this.#step()));
    this.#isBusy = false;
  }

  async #step(): Promise<boolean> {
    return this.#isInData ? await this.#takeContent() : await this.#takeCommand();
  }

  async #takeCommand(): Promise<boolean> {
    const all = this.#join();
    const end = all.indexOf('\r\n');
    if (end === -1) return false;
    this.#received = [all.subarray(end + 2)];
    const line = all.subarray(0, end).toString('utf8');
    await this.#command(line.slice(0, 4).toUpperCase(), line);
    return true;
  }

  async #takeContent(): Promise<boolean> {
    // The end may be spread over as many packets as it has octets.
    const tail = Buffer.concat(this.#received.slice(-5));
    const isEmpty = this.#received.length <= 3 && this.#join().subarray(0, 3).toString('latin1') === '.\r\n';
    if (!isEmpty && !tail.includes('\r\n.\r\n')) return false;
    const all = this.#join();
    const end = all.indexOf('\r\n.\r\n');
    this.#received = [all.subarray(isEmpty ? 3 : end + 5)];
    this.#isInData = false;
    await this.#finish(isEmpty ? Buffer.alloc(0) : unstuff(all.subarray(0, end + 2)));
    return true;
  }

  #join(): Buffer {
    if (this.#received.length !== 1) this.#received = [Buffer.concat(this.#received)];
    return this.#received[0] ?? Buffer.alloc(0);
  }

  async #command(verb: string, line: string): Promise<void> {
    switch (verb) {
      case 'EHLO':
      case 'LHLO':
        return this.#reply('250-far.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000');
      case 'MAIL':
        this.#reset();
        this.#reversePath = pathIn(line);
        return this.#reply('250 2.1.0 Ok');
      case 'RCPT':
        return await this.#recipient(pathIn(line));
      case 'DATA':
        return this.#data();
      case 'QUIT':
        this.#reply('221 2.0.0 Bye');
        return void this.#socket.end();
      default:
        if (verb === 'RSET') this.#reset();
        return this.#reply(verb === 'RSET' || verb === 'NOOP' ? '250 2.0.0 Ok' : '500 5.5.2 Unknown');
    }
  }

  async #recipient(address: string): Promise<void> {
    const behaving = this.#options.behave('recipient', address);
    if (behaving.kind === 'hang-up') return this.#hangUp();
    if (behaving.kind === 'delay') await sleep(behaving.ms);
    if (behaving.kind === 'reply') return this.#reply(behaving.text);
    this.#recipients.push(address);
    this.#reply('250 2.1.5 Ok');
  }

  #data(): void {
    if (this.#recipients.length === 0) return this.#reply('503 5.5.1 No recipients');
    const [first = ''] = this.#recipients;
    if (this.#options.behave('content', first).kind === 'hang-up') return this.#hangUp();
    this.#isInData = true;
    this.#reply('354 Go on');
  }

  async #finish(content: Buffer): Promise<void> {
    const answers = this.#recipients.map((address) => ({
      address,
      behaving: this.#options.protocol === 'lmtp' ? this.#options.behave('dot', address) : this.#atDot(),
    }));
    if (answers.some(({ behaving }) => behaving.kind === 'hang-up')) return this.#hangUp();
    const taken = answers.filter(({ behaving }) => behaving.kind !== 'reply').map(({ address }) => address);
    if (taken.length > 0) {
      const { peerPort } = this;
      const reversePath = this.#reversePath;
      this.#options.onTaken({ reversePath, recipients: taken, content, peerPort, session: this });
    }
    const replies = this.#options.protocol === 'lmtp' ? answers : answers.slice(0, 1);
    this.#reset();
    for (const { behaving } of replies) {
      if (behaving.kind === 'delay') await sleep(behaving.ms);
      this.#reply(behaving.kind === 'reply' ? behaving.text : '250 2.0.0 Ok: taken');
    }
  }

  /** By SMTP one reply is for all recipients. */
  #atDot(): Behaving {
    const [first] = this.#recipients;
    return first === undefined ? usual : this.#options.behave('dot', first);
  }

  #reset(): void {
    this.#reversePath = '';
    this.#recipients = [];
  }

  #reply(text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(`${text}\r\n`);
  }

  #hangUp(): void {
    this.#socket.destroy();
  }
}
