/**
 * The near end: sessions that send numbered messages over kept connections, one message at a time each, as smtp-source -d does,
 * and note when each was accepted.
 */
import { type Socket, createConnection } from 'node:net';

/** What to send. */
export interface Load {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  readonly bytes: number;
  readonly recipient: string;
}

/** When a message was begun (MAIL) and accepted (250), milliseconds of `performance.now()`. */
export interface Accepted {
  readonly begunAt: number;
  readonly acceptedAt: number;
}

/** Sends the load and resolves with the times by message number. @throws Error when a message is refused */
export async function send(load: Load): Promise<Map<number, Accepted>> {
  const accepted = new Map<number, Accepted>();
  let next = 0;
  const sessions = Array.from({ length: Math.min(load.sessions, load.messages) }, async () => {
    const session = await openSession(load.port);
    while (next < load.messages) {
      const number = next;
      next += 1;
      const begunAt = performance.now();
      await session.ask(`MAIL FROM:<bench@example.org>\r\nRCPT TO:<${load.recipient}>\r\nDATA\r\n`, 3);
      await session.ask(contentOf(number, load.bytes), 1);
      accepted.set(number, { begunAt, acceptedAt: performance.now() });
    }
    session.close();
  });
  await Promise.all(sessions);
  return accepted;
}

function contentOf(number: number, bytes: number): string {
  const head = `X-Bench: ${String(number).padStart(12, '0')}\r\nFrom: <bench@example.org>\r\nDate: Sat, 21 Nov 2026 16:00:00 +0000\r\nMessage-ID: <${number}@bench.example.org>\r\nSubject: bench\r\n\r\n`;
  const line = `${'x'.repeat(78)}\r\n`;
  return `${head}${line.repeat(Math.ceil((bytes - head.length) / line.length))}.\r\n`;
}

interface Session {
  ask(text: string, replies: number): Promise<void>;
  close(): void;
}

async function openSession(port: number): Promise<Session> {
  const socket: Socket = createConnection({ host: '127.0.0.1', port });
  socket.setNoDelay(true);
  let text = '';
  let waiting: { replies: number; resolve: () => void; reject: (error: Error) => void } | undefined;
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('data', (data) => {
    text += data.toString('latin1');
    for (
      let match = /^(\d{3}) .*\r\n/m.exec(text);
      match !== null && waiting !== undefined;
      match = /^(\d{3}) .*\r\n/m.exec(text)
    ) {
      text = text.slice(match.index + match[0].length);
      if (Number(match[1]) >= 400) waiting.reject(new Error(match[0]));
      waiting.replies -= 1;
      if (waiting.replies === 0) {
        waiting.resolve();
        waiting = undefined;
      }
    }
  });
  function ask(command: string, replies: number): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting = { replies, resolve, reject };
      if (command !== '') socket.write(command);
    });
  }
  await ask('', 1);
  await ask('EHLO bench.example.org\r\n', 1);
  return { ask, close: () => socket.end('QUIT\r\n') };
}
