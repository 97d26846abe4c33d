/** Dialogues with smtp-ingress as a process, a real nats-server and a directory spool behind it: what is said, what is stored. */
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { TestClient, beginMessage, sendData } from './client.ts';
import { type TestPlatform, alice, openPlatform, readContent, readIncoming } from './harness.ts';

const plainToken = Buffer.from(`\0${alice.login}\0${alice.password}`).toString('base64');

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

test('a message is in the spool and in INCOMING before its 250', async () => {
  await platform.start();
  const script = await client.connectMx();

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
  const script = await client.connectMx();
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
  const script = await client.connectMx();
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
  const script = await client.connectMx();
  await beginMessage(script);

  script.write('BDAT 3\r\nabcBDAT 0 LAST\r\n');

  expect([(await script.reply()).code, (await script.reply()).code]).toEqual([250, 250]);
  const [message] = await readIncoming(platform);
  expect(message && (await readContent(platform, message))).toBe('abc');
});

test('pipelined commands are answered in order, as many as came', async () => {
  await platform.start();
  const script = await client.connectMx();

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
  const script = await client.connectMx();

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
  const script = await client.connect(platform.ports.mx);
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

test('STARTTLS, then AUTH, then an authenticated client may send anywhere', async () => {
  await platform.start();
  const script = await client.connect(platform.ports.submission);
  await script.ask('EHLO client.test');
  expect(await script.ask(`AUTH PLAIN ${plainToken}`)).toMatch(/^530 5\.7\.0 /);
  await script.ask('STARTTLS');
  await script.startTls();
  const [ehlo] = await script.say('EHLO client.test');
  expect(ehlo?.lines).toContain('AUTH PLAIN LOGIN');
  expect(await script.ask('MAIL FROM:<alice@example.test>')).toMatch(/^530 5\.7\.0 /);

  expect(await script.ask(`AUTH PLAIN ${plainToken}`)).toBe('235 2.7.0 Authentication successful');
  expect(await sendData(script, 'Subject: x\r\n\r\n', 'x@elsewhere.test')).toMatch(/^250 /);

  const [message] = await readIncoming(platform);
  const facts = { role: 'Submission', protocol: 'ESMTPSA', login: alice.login };
  expect(message?.record.envelope.client).toMatchObject(facts);
});

test('on 465 TLS comes first', async () => {
  await platform.start();
  const script = await client.connect(platform.ports.submissions, { isImplicitTls: true });
  await script.ask('EHLO client.test');

  expect(await script.ask('AUTH LOGIN')).toBe('334 VXNlcm5hbWU6');
  expect(await script.ask(Buffer.from(alice.login).toString('base64'))).toBe('334 UGFzc3dvcmQ6');
  expect(await script.ask(Buffer.from('wrong').toString('base64'))).toMatch(/^535 5\.7\.8 /);
  expect(await script.ask(`AUTH PLAIN ${plainToken}`)).toMatch(/^235 2\.7\.0 /);
  expect(await sendData(script, 'Subject: x\r\n\r\n', 'x@elsewhere.test')).toMatch(/^250 /);
});

test('an Internal listener relays for its networks and offers no AUTH', async () => {
  await platform.start();
  const script = await client.connect(platform.ports.internal);

  const [ehlo] = await script.say('EHLO app.test');

  expect(ehlo?.lines.some((line) => /^AUTH|STARTTLS/.test(line))).toBe(false);
  expect(await script.ask('AUTH PLAIN x')).toMatch(/^503 5\.5\.1 /);
  await beginMessage(script, ['x@elsewhere.test']);
});

test('limits of size, header and recipients have their codes', async () => {
  await platform.configure({
    limits: { messageSize: '20000', headerSize: '2000', recipients: 2, connectionsPerClient: 0 },
  });
  await platform.start();
  const script = await client.connectMx();

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
  const script = await client.connectMx();

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
  const script = await client.connectMx();
  const startedAt = performance.now();

  script.write('FOO\r\n'.repeat(14));
  const codes: number[] = [];
  for (let index = 0; index < 13; index += 1) codes.push((await script.reply()).code);

  expect(codes).toEqual([...Array<number>(12).fill(500), 421]);
  expect(performance.now() - startedAt).toBeGreaterThan(2000);
  expect(await script.waitForEnd()).toBe(true);
});

test('a client that closes its side after the final dot still hears 250', async () => {
  await platform.start();
  const script = await client.connectMx();
  await beginMessage(script);
  await script.ask('DATA');
  script.write('Subject: x\r\n\r\n.\r\nQUIT\r\n');
  script.end();

  expect((await script.reply()).code).toBe(250);
  expect((await script.reply()).code).toBe(221);
});
