/**
 * The far end of the measurement: an SMTP server that takes everything, keeps nothing, and notes when each numbered message
 * (`X-Bench: <number>` as first line of the content) has arrived. As lean as can be: its cost is the same for every MTA.
 */
import { type Server, type Socket, createServer } from 'node:net';

/** A running sink. */
export interface Sink {
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
const endOfData = Buffer.from('\r\n.\r\n');

/** Starts a sink on a port of its own. */
export async function startSink(): Promise<Sink> {
  const arrivals = new Map<number, number>();
  const server: Server = createServer((socket) => serve(socket, arrivals));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the sink has no port');
  return { port: address.port, arrivals, close: () => server.close() };
}

function serve(socket: Socket, arrivals: Map<number, number>): void {
  let pending: Buffer = Buffer.alloc(0);
  let isContent = false;
  socket.setNoDelay(true);
  socket.write('220 sink ESMTP\r\n');
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    let answer = '';
    let isOver = false;
    for (;;) {
      const end = pending.indexOf(isContent ? endOfData : '\r\n');
      if (end < 0) break;
      const taken = pending.subarray(0, end);
      pending = pending.subarray(end + (isContent ? endOfData.length : 2));
      if (isContent) {
        note(taken, arrivals);
        isContent = false;
        answer += '250 2.0.0 Ok\r\n';
      } else {
        const verb = taken.subarray(0, 4).toString('latin1').toUpperCase();
        answer += replies.get(verb) ?? '500 5.5.2 What?\r\n';
        isContent = verb === 'DATA';
        isOver ||= verb === 'QUIT';
      }
    }
    if (answer !== '') socket.write(answer);
    if (isOver) socket.end();
  });
}

function note(content: Buffer, arrivals: Map<number, number>): void {
  const at = content.indexOf('X-Bench: ');
  const number = Number.parseInt(content.subarray(at + 9, at + 21).toString('latin1'), 10);
  if (at >= 0 && !arrivals.has(number)) arrivals.set(number, performance.now());
}
