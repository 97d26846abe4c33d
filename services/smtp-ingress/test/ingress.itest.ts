/** smtp-ingress as a process against a real nats-server and a directory spool: dialogues in, INCOMING records and replies out. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { checkPair, createSelfSigned } from '@railpost/smtp';
import {
  type NatsServer,
  type ServiceProcess,
  type SmtpScript,
  type SmtpScriptOptions,
  openSmtpScript,
  startNatsServer,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestPlatform, alice, openPlatform, readContent, readIncoming, until } from './harness.ts';

const run = promisify(execFile);

let server: NatsServer;
let platform: TestPlatform;
const scripts: SmtpScript[] = [];

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

beforeEach(async () => {
  platform = await openPlatform(server);
});
afterEach(async () => {
  for (const script of scripts.splice(0)) script.close();
  await platform.close();
});

/** Connects and reads the greeting. */
async function connect(port: number, options: SmtpScriptOptions = {}): Promise<SmtpScript> {
  const script = await openSmtpScript(port, options);
  scripts.push(script);
  await script.reply();
  return script;
}

/** Connects to MX and says EHLO. */
async function connectMx(): Promise<SmtpScript> {
  const script = await connect(platform.ports.mx);
  await script.ask('EHLO client.test');
  return script;
}

/** Opens a transaction to alice. */
async function beginMessage(script: SmtpScript, recipients = ['alice@example.test']): Promise<void> {
  const replies = await script.say(
    'MAIL FROM:<a@client.test>',
    ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
  );
  expect(replies.every((reply) => reply.code === 250)).toBe(true);
}

/** Sends one message by DATA; the content comes with its last CRLF. */
async function sendData(script: SmtpScript, wire: string): Promise<string> {
  await beginMessage(script);
  expect(await script.ask('DATA')).toBe('354 End data with <CR><LF>.<CR><LF>');
  return script.ask(`${wire}.`);
}

const plainToken = Buffer.from(`\0${alice.login}\0${alice.password}`).toString('base64');

test('a message is in the spool and in INCOMING before its 250', async () => {
  await platform.start();
  const script = await connectMx();

  const reply = await sendData(script, 'Subject: a\r\n\r\nbody\r\n');

  const queueId = /^250 2\.0\.0 Ok: queued as (\w{16})$/.exec(reply)?.[1];
  const [message] = await readIncoming(platform);
  expect(message?.record).toMatchObject({
    attempt: 0,
    envelope: {
      queueId,
      reversePath: 'a@client.test',
      recipients: [{ address: 'alice@example.test' }],
      smtputf8: false,
      client: {
        listener: 'mx',
        role: 'MX',
        address: '127.0.0.1',
        name: 'localhost',
        helo: 'client.test',
        protocol: 'ESMTP',
      },
    },
  });
  expect(message?.headerSection).toMatch(
    new RegExp(
      `^Received: from client\\.test \\(localhost \\[127\\.0\\.0\\.1\\]\\)\\r\\n\\tby mail\\.example\\.test \\(Railpost\\) with ESMTP id ${queueId}\\r\\n\\tfor <alice@example\\.test>; .*\\r\\nSubject: a\\r\\n\\r\\n$`,
    ),
  );
  expect(message && (await readContent(platform, message))).toBe('Subject: a\r\n\r\nbody\r\n');
});

test('what was sent is what is stored', async () => {
  await platform.start();
  const script = await connectMx();
  const contents: [wire: string, stored: string][] = [
    ['Subject: dots\r\n\r\n..\r\n..a\r\n', 'Subject: dots\r\n\r\n.\r\n.a\r\n'],
    ['Subject: \xe9\r\n\r\nNUL \0 and 8-bit \xff\r\n', 'Subject: \xe9\r\n\r\nNUL \0 and 8-bit \xff\r\n'],
    [`Subject: long\r\n\r\n${'x'.repeat(5000)}\r\n`, `Subject: long\r\n\r\n${'x'.repeat(5000)}\r\n`],
    ['Subject: bare\n\na\n.\nb\rc\r\n', 'Subject: bare\r\n\r\na\r\nb c\r\n'],
    ['', ''],
    [' leading space\r\n', '\r\n leading space\r\n'],
    [
      'From someone Sat Nov 21\r\nSubject: x\r\n',
      'X-Mailbox-Line: From someone Sat Nov 21\r\nSubject: x\r\n',
    ],
  ];

  for (const [wire] of contents) expect(await sendData(script, wire)).toMatch(/^250 /);

  const messages = await readIncoming(platform);
  const stored = await Promise.all(messages.map((message) => readContent(platform, message)));
  expect(stored).toEqual(contents.map(([, expected]) => expected));
});

test('chunks are kept octet for octet, without a final newline of ours', async () => {
  await platform.start();
  const script = await connectMx();
  await beginMessage(script);

  script.write('BDAT 14\r\nSubject: x\r\n\r\nBDAT 7\r\n.\r\n..\r');
  script.write('\nBDAT 4 LAST\r\nb\r\nc');
  const replies = [await script.reply(), await script.reply(), await script.reply()];

  expect(replies.map((reply) => reply.text.replace(/\w{16}$/, 'ID'))).toEqual([
    '250 2.0.0 Ok: 14 bytes',
    '250 2.0.0 Ok: 7 bytes',
    '250 2.0.0 Ok: 25 bytes queued as ID',
  ]);
  const [message] = await readIncoming(platform);
  expect(message && (await readContent(platform, message))).toBe('Subject: x\r\n\r\n.\r\n..\r\nb\r\nc');
});

test('an empty last chunk ends the message', async () => {
  await platform.start();
  const script = await connectMx();
  await beginMessage(script);

  script.write('BDAT 3\r\nabcBDAT 0 LAST\r\n');

  expect([(await script.reply()).code, (await script.reply()).code]).toEqual([250, 250]);
  const [message] = await readIncoming(platform);
  expect(message && (await readContent(platform, message))).toBe('abc');
});

test('pipelined commands are answered in order, as many as came', async () => {
  await platform.start();
  const script = await connectMx();

  const replies = await script.say(
    'MAIL FROM:<>',
    'RCPT TO:<nobody@example.test>',
    'RCPT TO:<leaver@example.test>',
    'RCPT TO:<x@elsewhere.test>',
    'RCPT TO:<carol@partner.test>',
    'RCPT TO:<dave@partner.test>',
    'RCPT TO:<postmaster>',
    'DATA',
  );

  expect(replies.map((reply) => reply.text.slice(0, 9))).toEqual([
    '250 2.1.0',
    '550 5.1.1',
    '550 5.2.1',
    '554 5.7.1',
    '250 2.1.5',
    '550 5.1.1',
    '250 2.1.5',
    '354 End d',
  ]);
});

test('DSN parameters stand in the envelope', async () => {
  await platform.start();
  const script = await connectMx();

  await script.ask('MAIL FROM:<a@client.test> RET=HDRS ENVID=x+2By BODY=8BITMIME SMTPUTF8 SIZE=100');
  await script.ask('RCPT TO:<alice@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;team@client.test');
  await script.ask('DATA');
  await script.ask('Subject: x\r\n\r\n.');

  const [message] = await readIncoming(platform);
  expect(message?.record.envelope).toMatchObject({
    ret: 'HDRS',
    envid: 'x+2By',
    body: '8BITMIME',
    smtputf8: true,
    recipients: [{ notify: ['SUCCESS', 'DELAY'], orcpt: 'rfc822;team@client.test' }],
    client: { protocol: 'UTF8SMTP' },
  });
});

test('plaintext after STARTTLS is discarded, and TLS forgets what was said before', async () => {
  await platform.start();
  const script = await connect(platform.ports.mx);
  await script.ask('EHLO client.test');
  await script.ask('MAIL FROM:<a@client.test>');

  script.write('STARTTLS\r\nRSET\r\nRCPT TO:<alice@example.test>\r\n');
  expect((await script.reply()).code).toBe(220);
  await script.startTls();

  expect(await script.ask('RCPT TO:<alice@example.test>')).toBe('503 5.5.1 Error: need MAIL command');
  const [ehlo] = await script.say('EHLO client.test');
  expect(ehlo?.lines).not.toContain('STARTTLS');
  expect(await sendData(script, '\r\n')).toMatch(/^250 /);
  const [message] = await readIncoming(platform);
  expect(message?.record.envelope.client).toMatchObject({ protocol: 'ESMTPS', tls: { protocol: 'TLSv1.3' } });
});

test('an authenticated client may send anywhere, on 465 too', async () => {
  await platform.start();
  for (const [port, isImplicitTls] of [
    [platform.ports.submission, false],
    [platform.ports.submissions, true],
  ] as const) {
    const script = await connect(port, { isImplicitTls });
    await script.ask('EHLO client.test');
    if (!isImplicitTls) {
      expect(await script.ask(`AUTH PLAIN ${plainToken}`)).toMatch(/^530 5\.7\.0 /);
      await script.ask('STARTTLS');
      await script.startTls();
      const [ehlo] = await script.say('EHLO client.test');
      expect(ehlo?.lines).toContain('AUTH PLAIN LOGIN');
    }
    expect(await script.ask('MAIL FROM:<alice@example.test>')).toMatch(/^530 5\.7\.0 /);
    expect(await script.ask(`AUTH PLAIN ${plainToken}`)).toBe('235 2.7.0 Authentication successful');
    await beginMessage(script, ['x@elsewhere.test']);
    await script.ask('DATA');
    expect(await script.ask('Subject: x\r\n\r\n.')).toMatch(/^250 /);
  }

  const messages = await readIncoming(platform);
  expect(messages.map(({ record }) => record.envelope.client)).toMatchObject([
    { role: 'Submission', protocol: 'ESMTPSA', login: alice.login },
    { role: 'Submission', protocol: 'ESMTPSA', login: alice.login },
  ]);
});

test('an Internal listener relays for its networks and offers no AUTH', async () => {
  await platform.start();
  const script = await connect(platform.ports.internal);

  const [ehlo] = await script.say('EHLO app.test');

  expect(ehlo?.lines.some((line) => /^AUTH|STARTTLS/.test(line))).toBe(false);
  expect(await script.ask('AUTH PLAIN x')).toMatch(/^503 5\.5\.1 /);
  await beginMessage(script, ['x@elsewhere.test']);
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

  const stranger = await openSmtpScript(platform.ports.internal);
  scripts.push(stranger);
  expect((await stranger.reply()).text).toMatch(/^554 5\.7\.1 .*Access denied$/);
  expect(await stranger.waitForEnd()).toBe(true);
  stranger.close();
  await expect(openSmtpScript(platform.ports.submission)).rejects.toThrow(/ECONNREFUSED/);
  const script = await connect(platform.ports.mx);
  const [ehlo] = await script.say('EHLO client.test');
  expect(ehlo?.lines).toContain('SIZE 1000');
  const second = await openSmtpScript(platform.ports.mx);
  scripts.push(second);
  expect((await second.reply()).text).toMatch(/^421 4\.7\.0 .*too many connections/);
});

test('limits of size, header and recipients have their codes', async () => {
  await platform.configure({
    limits: { messageSize: '20000', headerSize: '2000', recipients: 2, connectionsPerClient: 0 },
  });
  await platform.start();
  const script = await connectMx();

  expect(await script.ask('MAIL FROM:<a@b.test> SIZE=20001')).toMatch(/^552 5\.3\.4 /);
  expect(await sendData(script, `Subject: x\r\n\r\n${'x'.repeat(20_000)}\r\n`)).toMatch(/^552 5\.3\.4 /);
  expect(await sendData(script, `Subject: ${'x'.repeat(2000)}\r\n\r\n`)).toMatch(/^552 5\.3\.4 /);
  await beginMessage(script, ['alice@example.test', 'bob@example.test']);
  expect(await script.ask('RCPT TO:<alice@example.test>')).toBe('452 4.5.3 Error: too many recipients');
  await script.ask('DATA');
  expect(await script.ask(`${'Received: x\r\n'.repeat(49)}\r\n.`)).toBe('554 5.4.0 Error: too many hops');
  expect(await readIncoming(platform)).toEqual([]);
});

test('bareNewline: Reject refuses bare newlines after the end of the data', async () => {
  await platform.configure({ bareNewline: 'Reject' });
  await platform.start();
  const script = await connectMx();

  expect(await sendData(script, 'Subject: x\n\r\nbody\r\n')).toBe(
    '550 5.5.2 mail.example.test Error: bare <LF> received',
  );
  await beginMessage(script);
  script.write('BDAT 3\r\na\nbBDAT 1 LAST\r\nc');
  expect((await script.reply()).text).toMatch(/^550 5\.5\.2 /);
  expect((await script.reply()).text).toBe('551 5.0.0 Discarded 1 bytes after earlier error');
  expect(await sendData(script, 'Subject: x\r\n\r\nbody\r\n')).toMatch(/^250 /);
});

test('twenty errors end the session, and the last ten are slow', async () => {
  await platform.configure({ limits: { errors: 12, connectionsPerClient: 0 } });
  await platform.start();
  const script = await connectMx();
  const startedAt = performance.now();

  script.write('FOO\r\n'.repeat(14));
  const codes: number[] = [];
  for (let index = 0; index < 13; index += 1) codes.push((await script.reply()).code);

  expect(codes).toEqual([...Array<number>(12).fill(500), 421]);
  expect(performance.now() - startedAt).toBeGreaterThan(2000);
  expect(await script.waitForEnd()).toBe(true);
});

test('a client that goes away before the final dot leaves nothing behind', async () => {
  const ingress = await platform.start();
  const script = await connectMx();
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

test('a client that closes its side after the final dot still hears 250', async () => {
  await platform.start();
  const script = await connectMx();
  await beginMessage(script);
  await script.ask('DATA');
  script.write('Subject: x\r\n\r\n.\r\nQUIT\r\n');
  script.end();

  expect((await script.reply()).code).toBe(250);
  expect((await script.reply()).code).toBe(221);
});

test('SIGTERM: sessions that wait hear 421, a message in hand is finished', async () => {
  const ingress = await platform.start();
  const waiting = await connectMx();
  const sending = await connectMx();
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

test('certificates: SNI picks, files reload without restart', async () => {
  const [certFile, keyFile] = [join(platform.folder, 'tls.crt'), join(platform.folder, 'tls.key')];
  async function write(hostname: string): Promise<string> {
    const pair = createSelfSigned(hostname, Date.now());
    await writeFile(keyFile, pair.key);
    await writeFile(certFile, pair.certificate);
    return checkPair(pair).hostnames[0] ?? '';
  }
  await write('first.test');
  const ingress = await platform.start(['--tls-cert-file', certFile, '--tls-key-file', keyFile]);
  const names = async (): Promise<string> => {
    const script = await connect(platform.ports.submissions, { isImplicitTls: true });
    return script.tls?.getPeerCertificate().subject.CN?.toString() ?? '';
  };
  expect(await names()).toBe('first.test');

  await write('second.test');
  await until(() => ingress.events.some((event) => event.event === 'certificates-reloaded'));

  expect(await names()).toBe('second.test');
});

test('swaks delivers, pipelined', async () => {
  await platform.start();

  const { stdout } = await run('swaks', [
    ...['--server', '127.0.0.1', '--port', String(platform.ports.mx), '--pipeline', '--helo', 'client.test'],
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
  const script = await connectMx();
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
  const script = await connectMx();
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
  const script = await connectMx();
  expect(await sendData(script, 'Subject: x\r\n\r\n')).toMatch(/^250 /);
  await platform.breakSpool();

  expect(await sendData(script, 'Subject: x\r\n\r\n')).toMatch(/^451 4\.3\.0 /);
  expect(await readIncoming(platform)).toHaveLength(1);
});

/** What has happened by each crash point: the message is in the spool, the message is in INCOMING. */
const crashPoints: [name: string, isSpooled: boolean, isQueued: boolean][] = [
  ['ingress.before-put', false, false],
  ['ingress.put-before-publish', true, false],
  ['ingress.published-before-250', true, true],
  ['ingress.250-written', true, true],
];

test.each(crashPoints)(
  'killed at %s, it has promised nothing that it does not hold',
  async (name, isSpooled, isQueued) => {
    const ingress: ServiceProcess = await platform.start(['--crash-at', name]);
    const script = await connectMx();
    await beginMessage(script);
    await script.ask('DATA');
    script.write('Subject: x\r\n\r\nbody\r\n.\r\n');

    const reply = await script.reply().then(
      ({ text }) => text.slice(0, 3),
      () => 'none',
    );

    expect(await ingress.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(reply).toBe(name === 'ingress.250-written' ? '250' : 'none');
    expect((await spoolKeys()).length).toBe(isSpooled ? 1 : 0);
    expect(await readIncoming(platform)).toHaveLength(isQueued ? 1 : 0);
  },
);
