/**
 * A far end that notes when each numbered message (`X-Bench: <number>` at the head of its content) has arrived: an SMTP server in
 * this process, as lean as can be. Beside the timed source, so that one clock tells both.
 */
import { type Server, type Socket, createServer } from 'node:net';

/** A running sink. */
export interface TimedSink {
  readonly port: number;
  /** Arrival times by message number, milliseconds of `performance.now()`. */
  readonly arrivals: Map<number, number>;
  close(): void;
}

const replies = new Map([
  ['EHLO', '250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n'],
  ['HELO', '250 sink\r\n'],
  ['MAIL', '250 2.1.0 Ok\r\n'],
  ['RCPT', '250 2.1.5 Ok\r\n'],
  ['DATA', '354 Go\r\n'],
  ['RSET', '250 2.0.0 Ok\r\n'],
  ['QUIT', '221 2.0.0 Bye\r\n'],
]);
const taken = '250 2.0.0 Taken\r\n';
const endOfData = Buffer.from('\r\n.\r\n');
const endOfLine = Buffer.from('\r\n');

/** Starts a sink on a port of its own. @param perSecond messages that it takes a second, all sessions together; else all at once */
export async function startTimedSink(perSecond = Number.POSITIVE_INFINITY): Promise<TimedSink> {
  const arrivals = new Map<number, number>();
  const sockets = new Set<Socket>();
  const pace = new Pace(perSecond);
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    new Session(socket, arrivals, pace);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the sink has no port');
  return {
    port: address.port,
    arrivals,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** When the next message may be answered. */
class Pace {
  readonly #gapMs: number;
  #nextAt = 0;

  constructor(perSecond: number) {
    this.#gapMs = 1000 / perSecond;
  }

  /** Milliseconds to wait. */
  take(): number {
    const now = performance.now();
    this.#nextAt = Math.max(now, this.#nextAt + this.#gapMs);
    return this.#nextAt - now;
  }
}

class Session {
  readonly #pace: Pace;
  readonly #socket: Socket;
  readonly #arrivals: Map<number, number>;
  /** What has come of the present line or content. */
  #pending: Buffer[] = [];
  #isContent = false;

  constructor(socket: Socket, arrivals: Map<number, number>, pace: Pace) {
    this.#pace = pace;
    this.#socket = socket;
    this.#arrivals = arrivals;
    socket.setNoDelay(true);
    socket.write('220 sink ESMTP\r\n');
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => this.#take(data));
  }

  #take(data: Buffer): void {
    // Only the last piece of content is searched for its end: a large message would be searched again with each of its packets.
    this.#pending.push(data);
    if (this.#isContent && !this.#endsHere(data)) return;
    let rest: Buffer = this.#pending.length === 1 ? data : Buffer.concat(this.#pending);
    let answer = '';
    for (;;) {
      const mark = this.#isContent ? endOfData : endOfLine;
      const end = rest.indexOf(mark);
      if (end < 0) break;
      answer += this.#isContent
        ? this.#endContent(rest.subarray(0, end))
        : this.#command(rest.subarray(0, end));
      rest = rest.subarray(end + mark.length);
    }
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#answer(answer);
  }

  /** A client waits for the answer to its content, so that nothing can overtake a late one. */
  #answer(answer: string): void {
    const waitMs = answer.startsWith(taken) ? this.#pace.take() : 0;
    if (waitMs > 0) setTimeout(() => this.#socket.write(answer), waitMs);
    else if (answer !== '') this.#socket.write(answer);
    if (answer.includes('221 ')) this.#socket.end();
  }

  #command(line: Buffer): string {
    const verb = line.subarray(0, 4).toString('latin1').toUpperCase();
    this.#isContent = verb === 'DATA';
    return replies.get(verb) ?? '500 5.5.2 What?\r\n';
  }

  /** Whether the end of the content may be in reach: in this piece, or across the border before it. */
  #endsHere(data: Buffer): boolean {
    return (
      data.length < endOfData.length ||
      data.subarray(-endOfData.length).includes('.') ||
      data.includes(endOfData)
    );
  }

  #endContent(content: Buffer): string {
    this.#isContent = false;
    const at = content.indexOf('X-Bench: ');
    const number = Number.parseInt(content.subarray(at + 9, at + 21).toString('latin1'), 10);
    if (at >= 0 && !this.#arrivals.has(number)) this.#arrivals.set(number, performance.now());
    return taken;
  }
}
