/** smtp-ingress in operation: configuration, certificates, drain, outages, other people's clients, its log. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createSelfSigned } from '@railpost/smtp';
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { TestClient, beginMessage, sendData } from './client.ts';
import { type TestPlatform, openPlatform, readIncoming, secret, until } from './harness.ts';

const run = promisify(execFile);

let server: NatsServer;
let platform: TestPlatform;
let client: TestClient;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

beforeEach(async () => {
  platform = await openPlatform(server);
  client = new TestClient(platform);
});
afterEach(async () => {
  client.close();
  await platform.close();
});

test('a changed configuration holds for the next session without restart', async () => {
  const ingress = await platform.start();
  const refused = {
    name: 'internal',
    port: platform.ports.internal,
    role: 'Internal',
    tls: { mode: 'None' },
  };

  await platform.configure({
    listeners: [
      { ...refused, trustedNetworks: ['10.0.0.0/8'] },
      {
        name: 'mx',
        port: platform.ports.mx,
        role: 'MX',
        limits: { messageSize: '1000', connectionsPerClient: 1 },
      },
    ],
  });
  await until(() => ingress.events.some((event) => event.event === 'listener-closed'));

  const stranger = await client.open(platform.ports.internal);
  expect((await stranger.reply()).text).toMatch(/^554 5\.7\.1 .*Access denied$/);
  expect(await stranger.waitForEnd()).toBe(true);
  stranger.close();
  await expect(client.open(platform.ports.submission)).rejects.toThrow(/ECONNREFUSED/);
  const script = await client.connect(platform.ports.mx);
  const [ehlo] = await script.say('EHLO client.test');
  expect(ehlo?.lines).toContain('SIZE 1000');
  const second = await client.open(platform.ports.mx);
  expect((await second.reply()).text).toMatch(/^421 4\.7\.0 .*too many connections/);
});

test('a client that goes away before the final dot leaves nothing behind', async () => {
  const ingress = await platform.start();
  const script = await client.connectMx();
  await beginMessage(script);
  await script.ask('DATA');
  script.write('Subject: half a mess');
  script.end();

  const lost = await ingress.waitForEvent('connection-lost');

  expect(lost).toMatchObject({
    reason: 'lost connection',
    after: expect.stringMatching(/^DATA \(\d+ bytes\)$/),
  });
  expect(await readIncoming(platform)).toEqual([]);
  expect(await spoolKeys()).toEqual([]);
});

/** Keys of all segments. */
async function spoolKeys(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of platform.store.list('')) if (!key.startsWith('generation/')) keys.push(key);
  return keys;
}

test('SIGTERM: sessions that wait hear 421, a message in hand is finished', async () => {
  const ingress = await platform.start();
  const waiting = await client.connectMx();
  const sending = await client.connectMx();
  await beginMessage(sending);
  await sending.ask('DATA');

  const stopped = ingress.stop();
  expect((await waiting.reply()).text).toMatch(/^421 4\.3\.2 /);
  sending.write('Subject: x\r\n\r\nbody\r\n.\r\n');

  expect((await sending.reply()).text).toMatch(/^250 2\.0\.0 /);
  expect((await sending.reply()).text).toMatch(/^421 4\.3\.2 /);
  expect(await stopped).toMatchObject({ code: 0 });
  expect(await readIncoming(platform)).toHaveLength(1);
});

/** Common name of the certificate that 465 offers. */
async function nameOffered(servername = 'mail.example.test'): Promise<unknown> {
  const script = await client.connect(platform.ports.submissions, { isImplicitTls: true, servername });
  return script.tls?.getPeerCertificate().subject.CN;
}

test('certificate files are read again when they change', async () => {
  const [certFile, keyFile] = [join(platform.folder, 'tls.crt'), join(platform.folder, 'tls.key')];
  async function write(hostname: string): Promise<void> {
    const pair = createSelfSigned(hostname, Date.now());
    await writeFile(keyFile, pair.key);
    await writeFile(certFile, pair.certificate);
  }
  await write('first.test');
  const ingress = await platform.start(['--tls-cert-file', certFile, '--tls-key-file', keyFile]);
  expect(await nameOffered()).toBe('first.test');

  await write('second.test');
  await ingress.waitForEvent('certificates-reloaded');

  expect(await nameOffered()).toBe('second.test');
});

test('certificates of Secrets: SNI picks, a broken one is a problem and no outage', async () => {
  const ingress = await platform.start();
  expect(await nameOffered()).toBe('mail.example.test');
  const one = createSelfSigned('one.test', Date.now());
  const two = createSelfSigned('two.test', Date.now());
  const names = ['one', 'two', 'broken'].map((name) => ({ secretRef: { name } }));

  await platform.configure({ tls: { certificates: names } }, [
    secret('one', { 'tls.crt': one.certificate, 'tls.key': one.key }),
    secret('two', { 'tls.crt': two.certificate, 'tls.key': two.key }),
    secret('broken', { 'tls.crt': one.certificate, 'tls.key': two.key }),
  ]);
  await ingress.waitForEvent('certificates-reloaded');

  expect(await nameOffered('two.test')).toBe('two.test');
  expect(await nameOffered('nobody.test')).toBe('one.test');
  expect(await ingress.waitForEvent('certificate-unusable')).toMatchObject({
    error: expect.stringMatching(/broken.*another certificate/),
  });
});

test('swaks delivers, pipelined', async () => {
  await platform.start();

  const { stdout } = await run('swaks', [
    ...['--server', '127.0.0.1', '--port', String(platform.ports.mx), '--timeout', '50'],
    ...['--pipeline', '--helo', 'client.test'],
    ...['--from', 'a@client.test', '--to', 'alice@example.test,carol@partner.test'],
  ]);

  expect(stdout).toMatch(/250 2\.0\.0 Ok: queued as/);
  expect(await readIncoming(platform)).toMatchObject([
    {
      record: {
        envelope: { recipients: [{ address: 'alice@example.test' }, { address: 'carol@partner.test' }] },
      },
    },
  ]);
});

test('smtp-source sends 300 messages over 20 sessions, and each is queued once', async () => {
  await platform.start();

  await run('smtp-source', [
    ...['-s', '20', '-m', '300', '-l', '3000', '-f', 'a@client.test', '-t', 'alice@example.test'],
    `inet:127.0.0.1:${platform.ports.mx}`,
  ]);

  const queueIds = (await readIncoming(platform)).map(({ record }) => record.envelope.queueId);
  expect(new Set(queueIds).size).toBe(300);
});

test('the postfix log has the lines that pflogsumm counts', async () => {
  const ingress = await startLogging();
  const script = await client.connectMx();
  await sendData(script, 'Subject: x\r\n\r\n');
  await script.ask('MAIL FROM:<a@client.test>');
  await script.ask('RCPT TO:<nobody@example.test>');
  await script.ask('QUIT');
  await until(() => ingress.lines().some((line) => line.includes('disconnect from')));

  const lines = ingress.lines().filter((line) => line.includes('[127.0.0.1]'));

  expect(lines.map((line) => line.replace(/^.*?\]: /, '').replace(/^\w{16}:/, 'ID:'))).toEqual([
    'connect from localhost[127.0.0.1]',
    'ID: client=localhost[127.0.0.1]',
    'NOQUEUE: reject: RCPT from localhost[127.0.0.1]: 550 5.1.1 <nobody@example.test>: Recipient address rejected: User unknown; from=<a@client.test> to=<nobody@example.test> proto=ESMTP helo=<client.test>',
    'disconnect from localhost[127.0.0.1] ehlo=1 mail=2 rcpt=1/2 data=1 quit=1 commands=6/7',
  ]);
});

/** The service with --log-format=postfix, its output in a file: the process helper reads JSON only. */
async function startLogging(): Promise<{ lines(): string[] }> {
  const log = join(platform.folder, 'log');
  await platform.startPostfixLog(log);
  return { lines: () => readFileSync(log, 'utf8').split('\n') };
}

test('an outage of NATS is 451 at DATA, and over when it is over', async () => {
  await platform.start();
  const script = await client.connectMx();
  server.pause();
  await sleep(2500);

  await beginMessage(script);
  const during = await script.ask('DATA');
  server.resume();
  await sleep(2500);

  expect(during).toMatch(/^451 4\.3\.0 /);
  expect(await script.ask('DATA')).toMatch(/^354 /);
  expect(await script.ask('Subject: x\r\n\r\n.')).toMatch(/^250 /);
});

test('a spool that refuses writes is 451, never 250', async () => {
  await platform.start();
  const script = await client.connectMx();
  expect(await sendData(script, 'Subject: x\r\n\r\n')).toMatch(/^250 /);
  await platform.breakSpool();

  expect(await sendData(script, 'Subject: x\r\n\r\n')).toMatch(/^451 4\.3\.0 /);
  expect(await readIncoming(platform)).toHaveLength(1);
});
