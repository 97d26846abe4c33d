/**
 * Reads an INBOX by IMAP, octet by octet as the server sends it: just enough of RFC 9051 for tests (LOGIN, SELECT, FETCH with
 * literals). Rejects when the server says NO or BAD, or is silent for 10 s.
 */
import { type Socket, connect } from 'node:net';

/** One message. */
export interface ImapMessage {
  /** BODY[]: the message as mail readers get it; IMAP cannot carry NUL there, so Dovecot puts 0x80 in its place. */
  readonly octets: Buffer;
  /** BINARY[] (RFC 3516): NUL stays NUL, but transfer encodings may be undone. */
  readonly binary: Buffer;
}

/** Whose INBOX. */
export interface ImapLogin {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const silentMs = 10_000;

/** Fetches every message; marks none as seen. */
export async function fetchImapMessages(login: ImapLogin): Promise<readonly ImapMessage[]> {
  const session = new ImapSession(connect(login.port, '127.0.0.1'));
  try {
    await session.greeting();
    await session.command(`LOGIN "${login.user}" "${login.password}"`);
    const selected = await session.command('SELECT INBOX');
    const count = Number(/\* (\d+) EXISTS/.exec(selected.text)?.[1] ?? 0);
    const messages: ImapMessage[] = [];
    for (let number = 1; number <= count; number += 1) {
      const { literals } = await session.command(`FETCH ${number} (BODY.PEEK[] BINARY.PEEK[])`);
      const [octets, binary] = literals;
      if (octets === undefined || binary === undefined) throw new Error('IMAP: FETCH gave no literals');
      messages.push({ octets, binary });
    }
    await session.command('LOGOUT');
    return messages;
  } finally {
    session.close();
  }
}

interface Answer {
  /** Everything but literals. */
  readonly text: string;
  readonly literals: readonly Buffer[];
}

class ImapSession {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #tag = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(silentMs, () => socket.destroy(new Error('IMAP: the server is silent')));
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    const fail = (error?: Error) => {
      this.#failure ??= error ?? new Error('IMAP: connection closed');
      this.#wake?.();
    };
    socket.on('error', fail);
    socket.on('close', () => fail());
  }

  async greeting(): Promise<void> {
    await this.#line();
  }

  async command(text: string): Promise<Answer> {
    this.#tag += 1;
    const tag = `a${this.#tag}`;
    this.#socket.write(`${tag} ${text}\r\n`);
    const literals: Buffer[] = [];
    let answer = '';
    for (;;) {
      const line = await this.#line();
      answer += `${line}\n`;
      const literal = /~?\{(\d+)\}$/.exec(line);
      if (literal !== null) literals.push(await this.#octets(Number(literal[1])));
      else if (line.startsWith(`${tag} OK`)) return { text: answer, literals };
      else if (line.startsWith(`${tag} `)) throw new Error(`IMAP: ${line}`);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #line(): Promise<string> {
    let end = this.#received.indexOf('\r\n');
    while (end === -1) {
      await this.#more();
      end = this.#received.indexOf('\r\n');
    }
    const line = this.#received.subarray(0, end).toString('latin1');
    this.#received = this.#received.subarray(end + 2);
    return line;
  }

  async #octets(count: number): Promise<Buffer> {
    while (this.#received.length < count) await this.#more();
    const octets = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return octets;
  }

  #more(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = undefined;
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
    });
  }
}
