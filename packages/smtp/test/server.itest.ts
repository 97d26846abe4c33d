/** The server engine over real sockets: batches of replies, backpressure, deadlines, TLS. The handler is a few lines. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SmtpScript, type SmtpScriptOptions, openSmtpScript } from '@railpost/testkit';
import { afterEach, expect, test } from 'vitest';
import {
  type CloseReason,
  type ContentReceiver,
  type HandshakeFacts,
  type Reaction,
  ServerContexts,
  type SessionHandler,
  SmtpServer,
  checkPair,
  createSelfSigned,
  monotonicMs,
} from '../src/index.ts';

const servers: SmtpServer[] = [];
const scripts: SmtpScript[] = [];

afterEach(async () => {
  for (const script of scripts.splice(0)) script.close();
  await Promise.all(servers.splice(0).map((server) => server.drain(100)));
});

interface HandlerOptions {
  readonly idleMs?: number;
  readonly messageMs?: number;
  readonly isImplicitTls?: boolean;
  readonly contexts?: ServerContexts;
  readonly receiver?: ContentReceiver;
}

/** What a handler was told. */
interface Told {
  readonly commands: string[];
  readonly closed: CloseReason[];
  readonly secured: HandshakeFacts[];
}

const next = { kind: 'command' } as const;

/** Answers `250 <command>`; knows QUIT, DATA, TLS, BUG, SLOW. */
function handlerOf(told: Told, options: HandlerOptions): SessionHandler {
  function command(line: string): Reaction | Promise<Reaction> {
    told.commands.push(line);
    if (line === 'QUIT') return { reply: '221 bye\r\n', next: { kind: 'quit' } };
    if (line === 'TLS') return { reply: '220 go\r\n', next: { kind: 'tls' } };
    if (line === 'BUG') throw new Error('bug');
    if (line === 'SLOW') return sleep(50).then(() => ({ reply: '250 slow\r\n', next }));
    const deadlineAt = monotonicMs() + (options.messageMs ?? 10_000);
    if (line === 'DATA' && options.receiver !== undefined) {
      return { reply: '354 go\r\n', next: { kind: 'data', receiver: options.receiver, deadlineAt } };
    }
    return { reply: `250 ${line}\r\n`, next };
  }
  return {
    idleMs: options.idleMs ?? 5000,
    lineLimitBytes: 100,
    open: () => ({ reply: '220 hello\r\n', next }),
    command: (line) => command(Buffer.from(line).toString()),
    overlongLine: () => ({ reply: '500 long\r\n', next }),
    secured: (facts) => told.secured.push(facts),
    timedOut: () => '421 timeout\r\n',
    draining: () => '421 draining\r\n',
    fault: () => '421 fault\r\n',
    closed: (reason) => told.closed.push(reason),
  };
}

async function listen(options: HandlerOptions = {}): Promise<{ server: SmtpServer; told: Told }> {
  const told: Told = { commands: [], closed: [], secured: [] };
  const server = await SmtpServer.listen({
    host: '127.0.0.1',
    port: 0,
    isImplicitTls: options.isImplicitTls === true,
    tlsOptions: () => options.contexts?.options() ?? {},
    createHandler: () => handlerOf(told, options),
  });
  servers.push(server);
  return { server, told };
}

async function connect(server: SmtpServer, options: SmtpScriptOptions = {}): Promise<SmtpScript> {
  const script = await openSmtpScript(server.port, options);
  scripts.push(script);
  await script.reply();
  return script;
}

test('replies to a batch of commands leave in one write', async () => {
  const { server } = await listen();
  const chunks: string[] = [];
  const socket = createConnection({ host: '127.0.0.1', port: server.port });
  socket.on('data', (chunk) => chunks.push(chunk.toString()));
  while (chunks.length === 0) await sleep(10);

  socket.write('a\r\nb\r\nc\r\n');
  await sleep(200);
  socket.destroy();

  expect(chunks).toEqual(['220 hello\r\n', '250 a\r\n250 b\r\n250 c\r\n']);
});

test('commands wait for the one before them', async () => {
  const { server, told } = await listen();
  const script = await connect(server);

  const replies = await script.say('SLOW', 'a', 'SLOW', 'b');

  expect(replies.map((reply) => reply.text)).toEqual(['250 slow', '250 a', '250 slow', '250 b']);
  expect(told.commands).toEqual(['SLOW', 'a', 'SLOW', 'b']);
});

test('nothing is read after the reply that closes', async () => {
  const { server, told } = await listen();
  const script = await connect(server);

  script.write('QUIT\r\na\r\n');

  expect((await script.reply()).text).toBe('221 bye');
  expect(await script.waitForEnd()).toBe(true);
  expect(told).toMatchObject({ commands: ['QUIT'], closed: ['closed'] });
});

test('after QUIT nobody waits for the client to close, too', async () => {
  const { server } = await listen();
  const socket = createConnection({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString();
  });

  socket.write('QUIT\r\n');
  await once(socket, 'end');

  expect(said).toBe('220 hello\r\n221 bye\r\n');
  expect(server.sessionCount).toBe(0);
  socket.destroy();
});

test('a handler that throws ends its session only', async () => {
  const { server, told } = await listen();
  const script = await connect(server);

  expect((await script.say('BUG'))[0]?.text).toBe('421 fault');
  expect(await script.waitForEnd()).toBe(true);
  expect(told.closed).toEqual(['fault']);
  expect((await (await connect(server)).say('a'))[0]?.text).toBe('250 a');
});

test('an idle client hears 421 once; single octets do not keep it alive', async () => {
  const { server, told } = await listen({ idleMs: 500 });
  const script = await connect(server);
  const drip = setInterval(() => script.write('a'), 100);

  const reply = await script.reply();
  clearInterval(drip);

  expect(reply.text).toBe('421 timeout');
  expect(told.closed).toEqual(['timeout']);
});

test('data that comes too slowly ends at the deadline of the message', async () => {
  const receiver = { write: () => undefined, end: () => ({ reply: '250 done\r\n', next }) };
  const { server } = await listen({ idleMs: 500, messageMs: 1200, receiver });
  const script = await connect(server);
  await script.say('DATA');
  const startedAt = performance.now();
  const drip = setInterval(() => script.write('a'), 100);

  const reply = await script.reply();
  clearInterval(drip);

  expect(reply.text).toBe('421 timeout');
  expect(performance.now() - startedAt).toBeGreaterThan(1000);
});

test('a slow receiver holds the client back', async () => {
  let takenBytes = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const receiver: ContentReceiver = {
    write(slice) {
      takenBytes += slice.length;
      return gate;
    },
    end: () => ({ reply: '250 done\r\n', next }),
  };
  const { server } = await listen({ receiver });
  const script = await connect(server);
  await script.say('DATA');

  const sent = script.writeAll(Buffer.alloc(16 * 2 ** 20, `${'x'.repeat(62)}\r\n`));
  await sleep(300);
  expect(takenBytes).toBeLessThan(2 ** 20);
  open();
  await sent;
  script.write('\r\n.\r\n');

  expect((await script.reply()).text).toBe('250 done');
  expect(takenBytes).toBeGreaterThanOrEqual(16 * 2 ** 20);
});

test('a client that closes its side gets the replies to what it has sent', async () => {
  const { server } = await listen();
  const script = await connect(server);
  script.write('SLOW\r\na\r\n');
  script.end();

  expect([(await script.reply()).text, (await script.reply()).text]).toEqual(['250 slow', '250 a']);
  expect(await script.waitForEnd()).toBe(true);
});

test('drain: who waits hears 421, who works is finished first', async () => {
  const { server, told } = await listen();
  const waiting = await connect(server);
  const working = await connect(server);
  working.write('SLOW\r\n');
  await sleep(20);

  const drained = server.drain(5000);

  expect((await waiting.reply()).text).toBe('421 draining');
  expect([(await working.reply()).text, (await working.reply()).text]).toEqual(['250 slow', '421 draining']);
  await drained;
  expect(told.closed).toEqual(['drained', 'drained']);
});

/** A pair made by openssl. */
function opensslPair(hostname: string, algorithm: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-tls-'));
  const [keyFile, certFile] = [join(folder, 'key'), join(folder, 'crt')];
  const names = ['-subj', `/CN=${hostname}`, '-addext', `subjectAltName=DNS:${hostname}`];
  const files = ['-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', ['req', '-x509', ...algorithm, '-nodes', ...files, ...names], { stdio: 'ignore' });
  const pair = {
    name: `${hostname} ${algorithm[1]}`,
    certificate: readFileSync(certFile, 'utf8'),
    key: readFileSync(keyFile, 'utf8'),
  };
  rmSync(folder, { recursive: true });
  return checkPair(pair);
}

test('SNI picks the certificate: exact, wildcard, else the first', async () => {
  const own = checkPair(createSelfSigned('mail.example.test', Date.now()));
  const other = checkPair({ ...createSelfSigned('mx.other.test', Date.now()), name: 'other' });
  const wild = checkPair({ ...createSelfSigned('*.wild.test', Date.now()), name: 'wild' });
  const contexts = new ServerContexts([own, other, wild], 'TLSv1.2');
  const { server } = await listen({ contexts, isImplicitTls: true });
  const nameFor = async (servername: string): Promise<unknown> => {
    const script = await connect(server, { isImplicitTls: true, servername });
    return script.tls?.getPeerCertificate().subject.CN;
  };

  expect(await nameFor('mx.other.test')).toBe('mx.other.test');
  expect(await nameFor('a.wild.test')).toBe('*.wild.test');
  expect(await nameFor('nobody.test')).toBe('mail.example.test');
});

test('a client gets ECDSA or RSA, as it can', async () => {
  const ecdsa = opensslPair('mail.example.test', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']);
  const rsa = opensslPair('mail.example.test', ['-newkey', 'rsa:2048']);
  const contexts = new ServerContexts([ecdsa, rsa], 'TLSv1.2');
  const { server } = await listen({ contexts, isImplicitTls: true });
  const run = (kind: string): Promise<string> =>
    new Promise((resolve) => {
      const address = ['-connect', `127.0.0.1:${server.port}`];
      const flags = ['s_client', ...address, '-tls1_2', '-cipher', kind];
      const child = execFile('openssl', flags, (_, stdout) => resolve(stdout));
      child.stdin?.end('QUIT\r\n');
    });

  expect(await run('ECDHE-ECDSA-AES128-GCM-SHA256')).toMatch(/Cipher is ECDHE-ECDSA-AES128-GCM-SHA256/);
  expect(await run('ECDHE-RSA-AES128-GCM-SHA256')).toMatch(/Cipher is ECDHE-RSA-AES128-GCM-SHA256/);
});

test('plaintext behind the TLS command is dropped', async () => {
  const contexts = new ServerContexts([checkPair(createSelfSigned('a.test', Date.now()))], 'TLSv1.3');
  const { server, told } = await listen({ contexts });
  const script = await connect(server);

  script.write('TLS\r\ninjected\r\n');
  await script.reply();
  await script.startTls();

  expect((await script.say('a'))[0]?.text).toBe('250 a');
  expect(told.commands).toEqual(['TLS', 'a']);
  expect(told.secured).toMatchObject([{ protocol: 'TLSv1.3', bits: 256 }]);
});

test('garbage instead of a handshake ends the session', async () => {
  const contexts = new ServerContexts([checkPair(createSelfSigned('a.test', Date.now()))], 'TLSv1.2');
  const { server, told } = await listen({ contexts, isImplicitTls: true });
  const script = await openSmtpScript(server.port);
  scripts.push(script);

  script.write('EHLO plain.test\r\n');

  expect(await script.waitForEnd()).toBe(true);
  await sleep(50);
  expect(told.closed).toEqual(['tls-failed']);
});
