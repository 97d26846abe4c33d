/**
 * The near end that knows its messages: numbered, one at a time in each session, MAIL, RCPT and DATA in one packet; notes when each
 * was begun and accepted. With a rate, messages begin at fixed times as long as a session is free. Costs more than smtp-source, so its rates are not told.
 */
import { type Socket, createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What to send. */
export interface TimedLoad {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  /** Size of header section and body, octets. */
  readonly bytes: number;
  readonly isKept: boolean;
  /** Forward-path of a message by its number. */
  readonly recipient: (number: number) => string;
  /** Number of the first message. @default 0 */
  readonly firstNumber?: number;
  /** Messages a second, all sessions together; as fast as they are answered when absent. */
  readonly perSecond?: number;
}

/** When a message was begun (MAIL) and accepted (250), milliseconds of `performance.now()`. */
export interface Accepted {
  readonly begunAt: number;
  readonly acceptedAt: number;
}

/** Sends the load and resolves with the times by message number. @throws Error when a message is refused */
export async function sendTimed(load: TimedLoad): Promise<ReadonlyMap<number, Accepted>> {
  const accepted = new Map<number, Accepted>();
  const first = load.firstNumber ?? 0;
  const startedAt = performance.now();
  let next = 0;
  async function work(): Promise<void> {
    let session: TimedSession | undefined;
    while (next < load.messages) {
      const number = first + next;
      const dueAt = load.perSecond === undefined ? 0 : startedAt + (next * 1000) / load.perSecond;
      next += 1;
      if (dueAt > performance.now()) await sleep(dueAt - performance.now());
      session ??= await openTimedSession(load.port);
      accepted.set(
        number,
        await session.send({ number, bytes: load.bytes, recipient: load.recipient(number) }),
      );
      if (load.isKept) continue;
      session.close();
      session = undefined;
    }
    session?.close();
  }
  await Promise.all(Array.from({ length: Math.min(load.sessions, load.messages) }, work));
  return accepted;
}

/** A session that sends one message at a time. */
interface TimedSession {
  send(message: {
    readonly number: number;
    readonly bytes: number;
    readonly recipient: string;
  }): Promise<Accepted>;
  close(): void;
}

/** Connects and greets. */
async function openTimedSession(port: number): Promise<TimedSession> {
  const connection = new Connection(createConnection({ host: '127.0.0.1', port }));
  await connection.ask('', 1);
  await connection.ask('EHLO bench.example.org\r\n', 1);
  return {
    async send({ number, bytes, recipient }) {
      const begunAt = performance.now();
      await connection.ask(`MAIL FROM:<bench@example.org>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`, 3);
      await connection.ask(contentOf(number, bytes), 1);
      return { begunAt, acceptedAt: performance.now() };
    },
    close: () => connection.close(),
  };
}

function contentOf(number: number, bytes: number): string {
  const head = `X-Bench: ${String(number).padStart(12, '0')}\r\nFrom: <bench@example.org>\r\nDate: Sat, 21 Nov 2026 16:00:00 +0000\r\nMessage-ID: <${number}@bench.example.org>\r\nSubject: bench\r\n\r\n`;
  const line = `${'x'.repeat(78)}\r\n`;
  return `${head}${line.repeat(Math.max(1, Math.ceil((bytes - head.length) / line.length)))}.\r\n`;
}

/** Last line of a reply. */
const lastLine = /^(\d{3}) .*\r\n/m;

class Connection {
  readonly #socket: Socket;
  #text = '';
  #waiting: { replies: number; resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')));
    socket.on('data', (data) => {
      this.#text += data.toString('latin1');
      this.#read();
    });
  }

  /** Writes and waits for so many replies. @throws Error for a negative one */
  ask(command: string, replies: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { replies, resolve, reject };
      if (command !== '') this.#socket.write(command);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.end('QUIT\r\n');
  }

  #read(): void {
    for (let match = lastLine.exec(this.#text); match !== null; match = lastLine.exec(this.#text)) {
      const waiting = this.#waiting;
      if (waiting === undefined) return;
      this.#text = this.#text.slice(match.index + match[0].length);
      if (Number(match[1]) >= 400) waiting.reject(new Error(match[0].trim()));
      waiting.replies -= 1;
      if (waiting.replies > 0) continue;
      this.#waiting = undefined;
      waiting.resolve();
    }
  }
}
