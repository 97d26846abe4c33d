/** The client engine against the npm smtp-server, which shares no code with us. */
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { SmtpClient, createSelfSigned } from '@railpost/smtp';
import { SMTPServer } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';

const timeouts = { connectMs: 5000, commandMs: 5000, dataInitMs: 5000, dataBlockMs: 5000, dataDoneMs: 5000 };
const pair = createSelfSigned('far.test', Date.now());
const received: { readonly to: readonly string[]; readonly content: Buffer; readonly user: unknown }[] = [];

let server: SMTPServer | undefined;
afterEach(async () => {
  await new Promise<void>((resolve) => {
    if (server === undefined) resolve();
    else server.close(() => resolve());
  });
  received.length = 0;
});

async function start(options: ConstructorParameters<typeof SMTPServer>[0] = {}): Promise<number> {
  server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    key: pair.key,
    cert: pair.certificate,
    onRcptTo: ({ address }, _session, callback) =>
      callback(address.startsWith('no@') ? new Error('no such user') : null),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        received.push({ to, content: Buffer.concat(chunks), user: session.user });
        callback(null);
      });
    },
    onAuth: ({ username, password }, _session, callback) =>
      callback(password === 'secret' ? null : new Error('no'), { user: username }),
    ...options,
  });
  const running = server;
  await new Promise<void>((resolve) => running.listen(0, '127.0.0.1', () => resolve()));
  // Listening on a TCP port: the address is never a path.
  return (running.server.address() as AddressInfo).port;
}

async function send(client: SmtpClient, content: string, recipients: readonly string[]) {
  const results = await client.send({
    mail: {
      reversePath: 'from@client.test',
      sizeBytes: content.length,
      body: '8BITMIME',
      isSmtpUtf8: false,
      ret: undefined,
      envid: undefined,
    },
    recipients: recipients.map((forwardPath) => ({
      forwardPath,
      notify: undefined,
      orcpt: undefined,
      original: forwardPath,
    })),
    content: (async function* () {
      yield Buffer.from(content, 'latin1');
    })(),
    mayCommit: async () => undefined,
  });
  return results.map((each) => (each.kind === 'replied' ? [each.phase, each.reply.code] : each.kind));
}

describe('npm smtp-server', () => {
  it('takes several messages over one session, and refuses recipients one by one', async () => {
    const port = await start();
    const client = await SmtpClient.open({
      target: { address: '127.0.0.1', port },
      protocol: 'smtp',
      timeouts,
    });
    await client.hello('client.test');

    const first = await send(client, 'Subject: x\r\n\r\n.\r\n..\r\n\u00fc\r\n', [
      'a@far.test',
      'no@far.test',
    ]);
    await client.reset();
    const second = await send(client, 'Subject: y\r\n\r\n', ['b@far.test']);
    client.quit();

    expect([first, second]).toEqual([
      [
        ['dot', 250],
        ['rcpt', 550],
      ],
      [['dot', 250]],
    ]);
    expect(received[0]?.content.toString('latin1')).toBe('Subject: x\r\n\r\n.\r\n..\r\n\u00fc\r\n');
    expect(received.map(({ to }) => to)).toEqual([['a@far.test'], ['b@far.test']]);
  });

  it('takes a login inside TLS', async () => {
    const port = await start();
    const client = await SmtpClient.open({
      target: { address: '127.0.0.1', port },
      protocol: 'smtp',
      timeouts,
    });
    await client.hello('client.test');
    const request = {
      secureContext: createSecureContext(),
      serverName: 'far.test',
      verifyNames: [],
      timeoutMs: 5000,
    };
    await client.startTls(request, 'client.test');

    expect(await client.authenticate({ username: 'alice', password: 'secret' })).toMatchObject({ code: 235 });
    await send(client, 'Subject: x\r\n\r\nbody\r\n', ['a@far.test']);
    client.quit();

    expect(received).toMatchObject([{ user: 'alice' }]);
  });

  it('takes mail over LMTP, one reply per recipient', async () => {
    const port = await start({ lmtp: true });
    const client = await SmtpClient.open({
      target: { address: '127.0.0.1', port },
      protocol: 'lmtp',
      timeouts,
    });
    await client.hello('client.test');

    const results = await send(client, 'Subject: x\r\n\r\nbody\r\n', [
      'a@far.test',
      'no@far.test',
      'b@far.test',
    ]);
    client.quit();

    expect(results).toEqual([
      ['dot', 250],
      ['rcpt', 550],
      ['dot', 250],
    ]);
  });
});
