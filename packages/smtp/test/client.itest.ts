/** The client engine against a recording server that shares no code with it. */
import { createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SinkAnswer, type SmtpSink, type SmtpSinkOptions, startSmtpSink } from '@railpost/testkit';
import { type ClientTimeouts, type OutgoingMessage, SmtpClient, createSelfSigned } from '@railpost/smtp';
import { afterEach, describe, expect, it } from 'vitest';

const timeouts: ClientTimeouts = {
  connectMs: 2000,
  commandMs: 2000,
  dataInitMs: 2000,
  dataBlockMs: 2000,
  dataDoneMs: 2000,
};

let sink: SmtpSink | undefined;
let client: SmtpClient | undefined;
afterEach(async () => {
  client?.destroy();
  await sink?.stop();
  sink = undefined;
});

async function connect(
  options: SmtpSinkOptions = {},
  limits: Partial<ClientTimeouts> = {},
): Promise<SmtpClient> {
  sink = await startSmtpSink(options);
  client = await SmtpClient.open({
    target: { address: '127.0.0.1', port: sink.port },
    protocol: options.protocol ?? 'smtp',
    timeouts: { ...timeouts, ...limits },
  });
  await client.hello('client.test');
  return client;
}

interface Parts {
  readonly recipients?: readonly string[];
  readonly content?: AsyncIterable<Uint8Array>;
  readonly mayCommit?: () => Promise<void>;
}

function message(parts: Parts = {}): OutgoingMessage {
  return {
    mail: {
      reversePath: 'from@client.test',
      sizeBytes: undefined,
      body: undefined,
      isSmtpUtf8: false,
      ret: undefined,
      envid: undefined,
    },
    recipients: (parts.recipients ?? ['a@sink.test']).map((forwardPath) => ({
      forwardPath,
      notify: undefined,
      orcpt: undefined,
      original: '',
    })),
    content: parts.content ?? pieces('Subject: x\r\n\r\nbody\r\n'),
    mayCommit: parts.mayCommit ?? (async () => undefined),
  };
}

function selfSigned(): { readonly key: string; readonly cert: string } {
  const { key, certificate } = createSelfSigned('sink.test', Date.now());
  return { key, cert: certificate };
}

async function* pieces(...all: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const each of all) yield Buffer.from(each, 'latin1');
}

describe('transactions', () => {
  it('sends MAIL, all RCPTs and DATA before it waits, when the server pipelines', async () => {
    const session = await connect({ script: ({ verb }) => (verb === 'MAIL' ? { delayMs: 100 } : undefined) });

    const results = await session.send(message({ recipients: ['a@sink.test', 'b@sink.test'] }));

    expect(results.map((each) => each.kind === 'replied' && [each.phase, each.reply.code])).toEqual([
      ['dot', 250],
      ['dot', 250],
    ]);
    expect(sink?.messages[0]).toMatchObject({
      reversePath: 'from@client.test',
      recipients: ['a@sink.test', 'b@sink.test'],
    });
  });

  it('goes one by one with a server that does not pipeline', async () => {
    const session = await connect({
      extensions: [],
      script: ({ line }) => (line.includes('<b@') ? '550 5.1.1 no b' : undefined),
    });

    const results = await session.send(
      message({ recipients: ['a@sink.test', 'b@sink.test', 'c@sink.test'] }),
    );

    expect(results.map((each) => each.kind === 'replied' && [each.phase, each.reply.code])).toEqual([
      ['dot', 250],
      ['rcpt', 550],
      ['dot', 250],
    ]);
  });

  it('stops after a refused MAIL with a server that does not pipeline', async () => {
    const session = await connect({
      extensions: [],
      script: ({ verb }) => (verb === 'MAIL' ? '451 4.3.0 later' : undefined),
    });

    await session.send(message());

    expect(sink?.commands).toEqual(['1: EHLO client.test', '1: MAIL FROM:<from@client.test>']);
  });

  it.each([1, 2, 3, 7])('reads replies that come in pieces of %i octets', async (replyPieceBytes) => {
    const session = await connect({ replyPieceBytes });

    const results = await session.send(message({ recipients: ['a@sink.test', 'b@sink.test'] }));

    expect(results).toMatchObject([{ reply: { code: 250 } }, { reply: { code: 250 } }]);
    expect(session.capabilities.hasDsn).toBe(true);
  });

  it('sends any content octet by octet, wherever it is cut', async () => {
    const session = await connect();
    const content = '.\r\n..\r\nSubject: .x\r\n.\r\n\r\n.\r\n.a\u0000\u00ff\r\n\r\n.';
    for (let cut = 0; cut <= content.length; cut += 1)
      await session.send(message({ content: pieces(content.slice(0, cut), content.slice(cut)) }));

    const received = sink?.messages.map((each) => each.content.toString('latin1')) ?? [];
    expect(received).toHaveLength(content.length + 1);
    expect(new Set(received)).toEqual(new Set([`${content}\r\n`]));
  });

  it('sends an empty content', async () => {
    const session = await connect();

    await session.send(message({ content: pieces() }));

    expect(sink?.messages[0]?.content).toHaveLength(0);
  });

  it('sends 30 MB without breaking lines', async () => {
    const session = await connect();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    await session.send(
      message({
        content: (async function* () {
          yield Buffer.from('Subject: long\r\n\r\n');
          for (let index = 0; index < 480; index += 1) yield chunk;
        })(),
      }),
    );

    expect(sink?.messages[0]?.content.length).toBe(17 + 480 * chunk.length + 2);
  });

  it('gives one result per recipient in LMTP', async () => {
    const session = await connect({
      protocol: 'lmtp',
      script: ({ verb, line }) => {
        if (verb === 'RCPT' && line.includes('<none@')) return '550 5.1.1 none';
        if (verb !== 'DOT') return undefined;
        return line.startsWith('full@') ? '452 4.2.2 full' : undefined;
      },
    });

    const results = await session.send(
      message({ recipients: ['a@sink.test', 'none@sink.test', 'full@sink.test', 'b@sink.test'] }),
    );

    expect(results.map((each) => each.kind === 'replied' && [each.phase, each.reply.code])).toEqual([
      ['dot', 250],
      ['rcpt', 550],
      ['dot', 452],
      ['dot', 250],
    ]);
    expect(sink?.messages[0]?.recipients).toEqual(['a@sink.test', 'b@sink.test']);
  });

  it('ends the transaction with a lone dot when DATA is welcome though every recipient was refused', async () => {
    const session = await connect({
      script: ({ verb }) => {
        if (verb === 'RCPT') return '550 5.1.1 no';
        if (verb === 'DATA') return '354 go on';
        return verb === 'DOT' ? '554 5.5.1 nobody' : undefined;
      },
    });

    const results = await session.send(message());

    expect(results).toMatchObject([{ kind: 'replied', phase: 'rcpt' }]);
    expect(session.isReusable).toBe(true);
    expect(sink?.messages).toHaveLength(0);
  });

  it('resets between a refused and the next message, and then goes on', async () => {
    const session = await connect({
      script: ({ verb, line }) => (verb === 'RCPT' && line.includes('<no@') ? '550 5.1.1 no' : undefined),
    });
    await session.send(message({ recipients: ['no@sink.test'] }));
    expect(await session.reset()).toBe(true);
    await session.send(message());
    expect(await session.reset()).toBe(true);

    expect(sink?.commands.filter((line) => line.endsWith('RSET'))).toHaveLength(1);
    expect(sink?.messages).toHaveLength(1);
  });
});

describe('the gate before the dot', () => {
  it('drops the connection when it refuses, and nothing is delivered', async () => {
    const session = await connect();
    const refusal = new Error('not now');

    await expect(session.send(message({ mayCommit: () => Promise.reject(refusal) }))).rejects.toBe(refusal);

    expect(session.isReusable).toBe(false);
    await sleep(50);
    expect(sink?.messages).toHaveLength(0);
    expect(sink?.openSessions).toBe(0);
  });

  it('holds the dot back until it agrees', async () => {
    const session = await connect();
    let admit = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      admit = resolve;
    });
    const sending = session.send(message({ mayCommit: () => gate }));
    await sleep(100);
    expect(sink?.messages).toHaveLength(0);

    admit();
    await sending;
    expect(sink?.messages).toHaveLength(1);
  });

  it('drops the connection when the content breaks off', async () => {
    const session = await connect();
    const broken = new Error('spool');

    const results = await session.send(
      message({
        content: (async function* () {
          yield Buffer.from('Subject: x\r\n\r\nhalf\r\n');
          throw broken;
        })(),
      }),
    );

    expect(results).toEqual([{ kind: 'content-failed', cause: broken }]);
    await sleep(50);
    expect(sink?.messages).toHaveLength(0);
  });
});

describe('misbehaving servers', () => {
  it.each([
    ['MAIL', 'mail'],
    ['RCPT', 'rcpt'],
    ['DATA', 'data'],
    ['DOT', 'dot'],
  ] as const)('reports the phase when the server hangs up at %s', async (verb, phase) => {
    const session = await connect({ script: (step) => (step.verb === verb ? { hangUp: true } : undefined) });

    const results = await session.send(message());

    expect(results).toMatchObject([{ kind: 'failed', error: { code: 'CONNECTION_LOST', phase } }]);
    expect(session.isReusable).toBe(false);
  });

  it.each([
    ['MAIL', { commandMs: 100 }, 'mail'],
    ['DATA', { dataInitMs: 100 }, 'data'],
    ['DOT', { dataDoneMs: 100 }, 'dot'],
  ] as const)('gives up in time when the server is silent at %s', async (verb, limits, phase) => {
    const script = (step: { readonly verb: string }): SinkAnswer =>
      step.verb === verb ? { delayMs: 1000 } : undefined;
    const session = await connect({ script }, limits);

    const results = await session.send(message());

    expect(results).toMatchObject([{ kind: 'failed', error: { code: 'TIMEOUT', phase } }]);
  });

  it('keeps what was said before the server hung up', async () => {
    const session = await connect({
      script: ({ line }) => {
        if (line.includes('<a@')) return '550 5.1.1 no a';
        return line.includes('<b@') ? { reply: '421 4.3.2 closing', hangUp: true } : undefined;
      },
    });

    const results = await session.send(
      message({ recipients: ['a@sink.test', 'b@sink.test', 'c@sink.test'] }),
    );

    expect(results).toMatchObject([
      { kind: 'replied', reply: { code: 550 } },
      { kind: 'replied', reply: { code: 421 } },
      { kind: 'failed', error: { code: 'CONNECTION_LOST', phase: 'rcpt' } },
    ]);
  });

  it('takes a refusal in the middle of the content for the answer when the server hangs up', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('220 x\r\n');
      socket.once('data', () => {
        socket.write('250-x\r\n250 PIPELINING\r\n');
        socket.once('data', () => {
          socket.write('250 ok\r\n250 ok\r\n354 go\r\n');
          socket.once('data', () => socket.end('552 5.3.4 too much\r\n'));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    client = await SmtpClient.open({ target: { address: '127.0.0.1', port }, protocol: 'smtp', timeouts });
    await client.hello('client.test');

    const results = await client.send(
      message({
        content: (async function* () {
          for (let index = 0; index < 400; index += 1) {
            yield Buffer.alloc(64 * 1024, 'x');
            await sleep(1);
          }
        })(),
      }),
    );

    expect(results).toMatchObject([{ kind: 'replied', phase: 'dot', reply: { code: 552 } }]);
    server.close();
  });

  it.each([
    ['250 2.0.0 Ok', { kind: 'failed', error: { code: 'PROTOCOL_ERROR', phase: 'body' } }],
    ['552 5.3.4 too much', { kind: 'replied', phase: 'dot', reply: { code: 552 } }],
  ])('never takes "%s" before the dot for an acceptance', async (early, expected) => {
    const session = await connect({
      script: ({ verb }) => (verb === 'DATA' ? `354 go\r\n${early}` : undefined),
    });

    const results = await session.send(message({ mayCommit: () => sleep(50) }));

    expect(results).toMatchObject([expected]);
    expect(session.isReusable).toBe(false);
    await sleep(50);
    expect(sink?.messages).toEqual([]);
  });

  it('says that nobody listens', async () => {
    const gone = await startSmtpSink();
    await gone.stop();

    await expect(
      SmtpClient.open({ target: { address: '127.0.0.1', port: gone.port }, protocol: 'smtp', timeouts }),
    ).rejects.toMatchObject({ code: 'CONNECT_FAILED', phase: 'connect', message: 'Connection refused' });
  });
});

describe('EHLO, TLS and AUTH', () => {
  it('falls back to HELO, but not after a 421', async () => {
    const old = await connect({ script: ({ verb }) => (verb === 'EHLO' ? '502 5.5.1 what?' : undefined) });
    expect(sink?.commands.at(-1)).toBe('1: HELO client.test');
    expect(old.capabilities.hasPipelining).toBe(false);
    await sink?.stop();

    const busy = await connect({ script: ({ verb }) => (verb === 'EHLO' ? '421 4.3.2 busy' : undefined) });
    expect(sink?.commands).toEqual(['1: EHLO client.test']);
    expect(busy.isReusable).toBe(false);
  });

  it('negotiates TLS, says EHLO again and delivers inside', async () => {
    const tls = selfSigned();
    const session = await connect({ tls });
    const request = {
      secureContext: createSecureContext(),
      serverName: 'sink.test',
      verifyNames: [],
      timeoutMs: 2000,
    };

    expect(await session.startTls(request, 'client.test')).toMatchObject({ code: 250 });
    await session.send(message());

    expect(session.tls).toMatchObject({ isVerified: false });
    expect(session.capabilities.hasStartTls).toBe(false);
    expect(sink?.messages[0]?.isTls).toBe(true);
  });

  it.each([
    ['the CA is not ours', 'sink.test', 'Server certificate not trusted', false],
    ['the name is another', 'other.test', 'Server certificate not verified', true],
  ] as const)('refuses a certificate when %s', async (_, name, text, hasCa) => {
    const tls = selfSigned();
    const session = await connect({ tls });
    const secureContext = createSecureContext(hasCa ? { ca: tls.cert } : {});

    await expect(
      session.startTls(
        { secureContext, serverName: name, verifyNames: [name], timeoutMs: 2000 },
        'client.test',
      ),
    ).rejects.toMatchObject({ code: 'PEER_UNTRUSTED', message: text });
    expect(session.isReusable).toBe(false);
  });

  it('accepts a certificate of our CA for the right name', async () => {
    const tls = selfSigned();
    const session = await connect({ tls });
    const secureContext = createSecureContext({ ca: tls.cert });

    await session.startTls(
      { secureContext, serverName: 'sink.test', verifyNames: ['sink.test'], timeoutMs: 2000 },
      'client.test',
    );

    expect(session.tls).toMatchObject({ isVerified: true });
  });

  it('hangs up when plaintext follows the reply to STARTTLS', async () => {
    const session = await connect({
      tls: selfSigned(),
      script: ({ verb }) => (verb === 'STARTTLS' ? '220 go\r\n250 injected' : undefined),
    });
    const request = {
      secureContext: createSecureContext(),
      serverName: 'sink.test',
      verifyNames: [],
      timeoutMs: 2000,
    };

    await expect(session.startTls(request, 'client.test')).rejects.toMatchObject({
      code: 'PROTOCOL_ERROR',
      phase: 'starttls',
    });
  });

  it.each([
    ['PLAIN', ['PIPELINING'], 'short'],
    ['PLAIN in two steps', ['PIPELINING'], 'long'.repeat(200)],
  ])('logs in by %s', async (_, extensions, password) => {
    const session = await connect({ extensions, users: { alice: password } });

    expect(await session.authenticate({ username: 'alice', password })).toMatchObject({ code: 235 });
    await session.send(message());

    expect(sink?.messages[0]?.login).toBe('alice');
  });

  it('logs in by LOGIN when PLAIN is not offered, and hears a refusal', async () => {
    const only = ({ verb }: { readonly verb: string }): string | undefined =>
      verb === 'EHLO' ? '250-sink.test\r\n250 AUTH LOGIN' : undefined;
    const session = await connect({ users: { alice: 'secret' }, script: only });

    expect(await session.authenticate({ username: 'alice', password: 'wrong' })).toMatchObject({ code: 535 });
    expect(await session.authenticate({ username: 'alice', password: 'secret' })).toMatchObject({
      code: 235,
    });
  });

  it('has no way to log in when the server offers none', async () => {
    const session = await connect();

    expect(await session.authenticate({ username: 'alice', password: 'x' })).toBeUndefined();
  });
});
