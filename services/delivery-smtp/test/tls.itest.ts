/** TLS policy and login towards next hops, with Secrets that come sealed through the configuration. */
import { createSelfSigned } from '@railpost/smtp';
import {
  type NatsServer,
  type SmtpSink,
  type SmtpSinkOptions,
  startNatsServer,
  startSmtpSink,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Platform, hostHop, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\n\r\nbody\r\n');
// The host name by which the far end is reached resolves everywhere.
const certificate = createSelfSigned('localhost', Date.now());
const tls = { key: certificate.key, cert: certificate.certificate };

let server: NatsServer;
let platform: Platform;
const sinks: SmtpSink[] = [];

beforeAll(async () => {
  server = await startNatsServer();
  platform = await preparePlatform(server);
  await platform.configure({
    secrets: {
      ca: { 'ca.crt': certificate.certificate },
      login: { username: 'relay', password: 'pass wörd' },
      wrong: { username: 'relay', password: 'wrong' },
    },
  });
  await platform.start();
});
afterAll(async () => {
  await platform.close();
  await server.stop();
});
afterEach(async () => {
  await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
});

async function startSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const sink = await startSmtpSink(options);
  sinks.push(sink);
  return sink;
}

type Mode = 'None' | 'May' | 'Encrypt' | 'Verify';

async function deliver(
  sink: SmtpSink,
  mode: Mode,
  more: { readonly ca?: string; readonly login?: string } = {},
) {
  const hop = {
    ...hostHop(sink.port, 'localhost'),
    tls: { mode, ...(more.ca === undefined ? {} : { caSecret: more.ca }) },
    ...(more.login === undefined ? {} : { credentialsSecret: more.login }),
  };
  const { recipients } = await platform.deliver(message, hop);
  return recipients[0];
}

describe('TLS', () => {
  it.each([
    ['None', true, false],
    ['May', true, true],
    ['May', false, false],
    ['Encrypt', true, true],
  ] as const)('%s with TLS offered: %s goes encrypted: %s', async (mode, isOffered, isTls) => {
    const sink = await startSink(isOffered ? { tls } : {});

    expect(await deliver(sink, mode)).toMatchObject({ disposition: 'delivered' });
    expect(sink.messages[0]?.isTls).toBe(isTls);
  });

  it('May: delivers in the clear after a failed handshake, on a new connection', async () => {
    // The key fits no cipher that a client would take: the handshake fails.
    const sink = await startSink({
      extensions: ['PIPELINING', 'STARTTLS'],
      script: ({ verb }) => (verb === 'STARTTLS' ? { reply: '220 2.0.0 go', hangUp: true } : undefined),
    });

    expect(await deliver(sink, 'May')).toMatchObject({ disposition: 'delivered' });
    expect(sink.messages[0]).toMatchObject({ isTls: false, session: 2 });
  });

  it('May: goes on in the clear when STARTTLS is refused', async () => {
    const sink = await startSink({
      tls,
      script: ({ verb }) => (verb === 'STARTTLS' ? '454 4.7.0 not now' : undefined),
    });

    expect(await deliver(sink, 'May')).toMatchObject({ disposition: 'delivered' });
    expect(sink.messages[0]).toMatchObject({ isTls: false, session: 1 });
  });

  it('Encrypt: defers when TLS is not offered, or refused', async () => {
    const without = await startSink();
    expect(await deliver(without, 'Encrypt')).toMatchObject({
      disposition: 'deferred',
      status: { code: '4.7.4', text: 'TLS is required, but was not offered by host localhost[127.0.0.1]' },
    });

    const refusing = await startSink({
      tls,
      script: ({ verb }) => (verb === 'STARTTLS' ? '454 4.7.0 not now' : undefined),
    });
    expect(await deliver(refusing, 'Encrypt')).toMatchObject({
      disposition: 'deferred',
      status: { code: '4.7.4' },
    });
    expect([...without.messages, ...refusing.messages]).toEqual([]);
  });

  it('Verify: delivers to a host whose certificate our CA signed', async () => {
    const sink = await startSink({ tls });

    expect(await deliver(sink, 'Verify', { ca: 'default/ca' })).toMatchObject({ disposition: 'delivered' });
    expect(sink.messages[0]?.isTls).toBe(true);
  });

  it('Verify: defers when the CA is unknown, or the name another, and says nothing of the message', async () => {
    const unknown = await startSink({ tls });
    expect(await deliver(unknown, 'Verify')).toMatchObject({
      disposition: 'deferred',
      status: { code: '4.7.5', text: 'Server certificate not trusted' },
    });

    const other = createSelfSigned('other.test', Date.now());
    const misnamed = await startSink({ tls: { key: other.key, cert: other.certificate } });
    expect(await deliver(misnamed, 'Verify', { ca: 'default/ca' })).toMatchObject({
      disposition: 'deferred',
      status: { code: '4.7.5' },
    });
    expect([...unknown.commands, ...misnamed.commands].some((line) => line.includes('MAIL'))).toBe(false);
  });

  it('keeps encrypted connections, too', async () => {
    const sink = await startSink({ tls });
    await deliver(sink, 'Encrypt');
    await deliver(sink, 'Encrypt');

    expect([sink.sessions, sink.messages.length]).toEqual([1, 2]);
  });
});

describe('login', () => {
  it('logs in with the name and password of the Secret', async () => {
    const sink = await startSink({ tls, users: { relay: 'pass wörd' } });

    expect(await deliver(sink, 'Encrypt', { login: 'default/login' })).toMatchObject({
      disposition: 'delivered',
    });
    expect(sink.messages[0]).toMatchObject({ isTls: true, login: 'relay' });
  });

  it('never says a password in the clear, whatever the mode', async () => {
    const sink = await startSink({ users: { relay: 'pass wörd' } });

    expect(await deliver(sink, 'May', { login: 'default/login' })).toMatchObject({
      disposition: 'deferred',
      status: { code: '4.7.4' },
    });
    expect(sink.commands.some((line) => line.includes('AUTH'))).toBe(false);
  });

  it('defers when the password is wrong, though the server says 5xx', async () => {
    const sink = await startSink({ tls, users: { relay: 'pass wörd' } });

    expect(await deliver(sink, 'Encrypt', { login: 'default/wrong' })).toMatchObject({
      disposition: 'deferred',
      status: { code: '4.7.8', text: expect.stringContaining('535 5.7.8') },
    });
  });

  it.each([
    ['credentials', { login: 'default/none' }, 'Encrypt'],
    ['the CA', { ca: 'default/none' }, 'Verify'],
  ] as const)('defers when the Secret with %s is missing, without a connection', async (_, secrets, mode) => {
    const sink = await startSink({ tls });

    expect(await deliver(sink, mode, secrets)).toMatchObject({
      disposition: 'deferred',
      relay: 'none',
      status: { code: '4.3.5' },
    });
    expect(sink.sessions).toBe(0);
  });
});
