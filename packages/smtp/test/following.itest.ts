/** Messages that follow each other over one session without waiting (RFC 2920 section 3.1). */
import { createServer } from 'node:net';
import { type SmtpSink, type SmtpSinkOptions, startSmtpSink } from '@railpost/testkit';
import { type ClientTimeouts, type OutgoingMessage, SmtpClient } from '@railpost/smtp';
import { afterEach, describe, expect, it } from 'vitest';

const timeouts: ClientTimeouts = {
  connectMs: 20_000,
  commandMs: 20_000,
  dataInitMs: 20_000,
  dataBlockMs: 20_000,
  dataDoneMs: 20_000,
};

let sink: SmtpSink | undefined;
let client: SmtpClient | undefined;
afterEach(async () => {
  client?.destroy();
  await sink?.stop();
  sink = undefined;
});

async function connect(options: SmtpSinkOptions): Promise<SmtpClient> {
  sink = await startSmtpSink(options);
  const target = { address: '127.0.0.1', port: sink.port };
  client = await SmtpClient.open({ target, protocol: options.protocol ?? 'smtp', timeouts });
  await client.hello('client.test');
  return client;
}

function message(recipient = 'a@sink.test'): OutgoingMessage {
  return {
    mail: {
      reversePath: 'from@client.test',
      sizeBytes: undefined,
      body: undefined,
      isSmtpUtf8: false,
      ret: undefined,
      envid: undefined,
    },
    recipients: [{ forwardPath: recipient, notify: undefined, orcpt: undefined, original: '' }],
    content: content(),
    mayCommit: async () => undefined,
  };
}

async function* content(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('Subject: x\r\n\r\nbody\r\n', 'latin1');
}

describe('a message behind the dot of another', () => {
  /** A server that answers nothing to the first dot before the next MAIL is there. */
  async function connectToWaiter(replies: { readonly first: string; readonly second: string }) {
    const heard: string[] = [];
    const server = createServer((socket) => {
      let rest = '';
      let dots = 0;
      socket.write('220 waiter.test\r\n');
      socket.on('data', (data) => {
        heard.push(data.toString('latin1'));
        rest += data.toString('latin1');
        if (/^EHLO [^\r]*\r\n$/.test(rest)) {
          socket.write('250-waiter.test\r\n250 PIPELINING\r\n');
          rest = '';
        } else if (dots === 0 && /^MAIL[^]*\r\nDATA\r\n$/.test(rest)) {
          socket.write('250 ok\r\n250 ok\r\n354 go\r\n');
          rest = '';
        } else if (dots === 0 && /\r\n\.\r\nMAIL[^]*\r\nDATA\r\n$/.test(rest)) {
          dots = 1;
          socket.write(replies.first);
          rest = '';
          if (!replies.first.includes('354')) socket.end();
        } else if (dots === 1 && rest.endsWith('\r\n.\r\n')) socket.write(replies.second);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    client = await SmtpClient.open({ target: { address: '127.0.0.1', port }, protocol: 'smtp', timeouts });
    await client.hello('client.test');
    return { session: client, heard, close: () => server.close() };
  }

  /** Sends two messages, the second as soon as the first leaves the session to it. */
  async function sendTwo(session: SmtpClient) {
    const second = Promise.withResolvers<Awaited<ReturnType<SmtpClient['send']>>>();
    const first = await session.send({
      ...message(),
      offerSession() {
        second.resolve(session.send(message('b@sink.test')));
        return true;
      },
    });
    return { first, second: await second.promise };
  }

  it('goes out in the same packet, and each hears its own reply', async () => {
    const waiter = await connectToWaiter({
      first: '250 first\r\n250 ok\r\n250 ok\r\n354 go\r\n',
      second: '554 second\r\n',
    });

    const { first, second } = await sendTwo(waiter.session);
    waiter.close();

    expect(first).toMatchObject([{ kind: 'replied', phase: 'dot', reply: { code: 250 } }]);
    expect(second).toMatchObject([{ kind: 'replied', phase: 'dot', reply: { code: 554 } }]);
    expect(waiter.heard.some((packet) => /\r\n\.\r\nMAIL FROM/.test(packet))).toBe(true);
    expect(await waiter.session.reset()).toBe(true);
  });

  it('was not begun when the server hangs up after its reply to the first', async () => {
    const waiter = await connectToWaiter({ first: '250 first\r\n', second: '' });

    const { first, second } = await sendTwo(waiter.session);
    waiter.close();

    expect(first).toMatchObject([{ kind: 'replied', phase: 'dot', reply: { code: 250 } }]);
    expect(second).toMatchObject([{ kind: 'failed', error: { phase: 'mail', code: 'CONNECTION_LOST' } }]);
  });

  it.each([
    { what: 'a server that does not pipeline', options: { extensions: ['SIZE'] } },
    { what: 'LMTP', options: { protocol: 'lmtp' as const } },
  ])('is not asked for with $what', async ({ options }) => {
    const session = await connect(options);
    let asked = 0;

    await session.send({
      ...message(),
      offerSession() {
        asked += 1;
        return true;
      },
    });

    expect(asked).toBe(0);
  });
});
