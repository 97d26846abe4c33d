/** Sends content octet by octet as given, by DATA or BDAT, cut into packets as the scenario likes. */
import { type Socket, createConnection } from 'node:net';
import { connect } from 'node:tls';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** One message to send. */
export interface RawMessage {
  readonly port: number;
  readonly reversePath: string;
  /** Addresses, or addresses in angle brackets with parameters behind: `<a@b.test> NOTIFY=SUCCESS`. */
  readonly recipients: readonly string[];
  /** Further parameters of MAIL. */
  readonly mailParameters?: string;
  /** Speaks TLS from the first octet and logs in. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly content: Buffer;
  readonly byChunking?: boolean;
  /** Size of each write of the content; everything at once by default. */
  readonly packetBytes?: number;
}

/** Sends it and returns the last reply. @throws Error when a reply before it is not 2xx or 3xx */
export async function sendRaw(message: RawMessage): Promise<string> {
  const { login, mailParameters, port } = message;
  const at = { host: '127.0.0.1', port };
  const socket = login === undefined ? createConnection(at) : connect({ ...at, rejectUnauthorized: false });
  socket.setNoDelay(true);
  const replies = replyReader(socket);
  const ask = async (command: string): Promise<string> => {
    if (command !== '') socket.write(`${command}\r\n`);
    const reply = await replies();
    if (!/^[23]/.test(reply)) throw new Error(`${command}: ${reply}`);
    return reply;
  };
  try {
    await ask('');
    await ask('EHLO client.test');
    if (login !== undefined) {
      const response = Buffer.from(`\0${login.user}\0${login.password}`).toString('base64');
      await ask(`AUTH PLAIN ${response}`);
    }
    const parameters = mailParameters === undefined ? '' : ` ${mailParameters}`;
    await ask(`MAIL FROM:<${message.reversePath}> BODY=8BITMIME${parameters}`);
    for (const recipient of message.recipients)
      await ask(`RCPT TO:${recipient.startsWith('<') ? recipient : `<${recipient}>`}`);
    if (message.byChunking === true) {
      await writePieces(
        socket,
        Buffer.concat([Buffer.from(`BDAT ${message.content.length} LAST\r\n`), message.content]),
        message.packetBytes,
      );
    } else {
      await ask('DATA');
      await writePieces(
        socket,
        Buffer.concat([stuffDots(message.content), Buffer.from('.\r\n')]),
        message.packetBytes,
      );
    }
    return await replies();
  } finally {
    socket.destroy();
  }
}

async function writePieces(socket: Socket, octets: Buffer, packetBytes = octets.length): Promise<void> {
  for (let start = 0; start < octets.length; start += packetBytes) {
    if (!socket.write(octets.subarray(start, start + packetBytes)))
      await new Promise((resolve) => socket.once('drain', resolve));
    await nextTurn();
  }
}

function stuffDots(content: Buffer): Buffer {
  return Buffer.from(
    content
      .toString('latin1')
      .replace(/^\./gm, (dot, at: number, text: string) => (at === 0 || text[at - 2] === '\r' ? '..' : dot)),
    'latin1',
  );
}

/** Replies one by one; rejects when the connection ends or nothing comes for 60 s. */
function replyReader(socket: Socket): () => Promise<string> {
  let text = '';
  let wake: (() => void) | undefined;
  let isOver = false;
  socket.setTimeout(60_000, () => socket.destroy());
  socket.on('data', (data) => {
    text += data.toString('latin1');
    wake?.();
  });
  for (const event of ['close', 'error'])
    socket.on(event, () => {
      isOver = true;
      wake?.();
    });
  return async () => {
    for (;;) {
      const match = /^\d{3} .*\r\n/m.exec(text);
      if (match !== null) {
        text = text.slice(match.index + match[0].length);
        return match[0].trimEnd();
      }
      if (isOver) throw new Error(`the connection ended before a reply; last: ${text}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}
