/** delivery-smtp as a process: real NATS, real spool, a recording far end, the test as the shard's owner. */
import {
  type NatsServer,
  type ServiceProcess,
  type SmtpSink,
  type SmtpSinkOptions,
  startNatsServer,
  startSmtpSink,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Platform, hostHop, jobFor, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\n\r\n.body\r\n');

let server: NatsServer;
let platform: Platform;
let service: ServiceProcess;
const sinks: SmtpSink[] = [];

beforeAll(async () => {
  server = await startNatsServer();
  platform = await preparePlatform(server);
  await platform.configure();
  service = await platform.start();
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

describe('delivery over SMTP', () => {
  it('sends the message with its edits and DSN parameters, and reports the reply', async () => {
    const sink = await startSink();

    const outcome = await platform.deliver(message, hostHop(sink.port), {
      edits: [{ at: 0, remove: 0, insert: 'Received: by us\r\n' }],
      ret: 'HDRS',
      envid: 'e+2B1',
      body: '8BITMIME',
      recipient: { notify: ['FAILURE'], original: 'list@example.test' },
    });

    expect(outcome).toMatchObject({ content: 'read', isOwnFault: false, isDestinationFault: false });
    expect(outcome.recipients).toMatchObject([
      {
        final: 'a@partner.test',
        disposition: 'delivered',
        relay: `127.0.0.1[127.0.0.1]:${sink.port}`,
        status: { code: '2.0.0', text: '250 2.0.0 Ok: queued as 1-1', remoteMta: '127.0.0.1' },
      },
    ]);
    expect(sink.messages[0]).toMatchObject({
      mail: 'MAIL FROM:<sender@elsewhere.test> SIZE=42 BODY=8BITMIME ENVID=e+2B1 RET=HDRS',
      rcpts: ['RCPT TO:<a@partner.test> ORCPT=rfc822;list@example.test NOTIFY=FAILURE'],
    });
    expect(sink.messages[0]?.content.toString()).toBe(`Received: by us\r\n${message.toString()}`);
    expect(sink.commands[0]).toBe('1: EHLO mail.example.test');
    const line = await service.waitForEvent('disposition');
    expect(line).toMatchObject({ to: 'a@partner.test', status: 'sent', dsn: '2.0.0', transport: 'smtp' });
  });

  it('answers for each recipient: delivered, bounced, deferred', async () => {
    const sink = await startSink({
      script: ({ verb, line }) => {
        if (verb !== 'RCPT') return undefined;
        if (line.includes('<no@')) return '550-5.1.1 no such user\r\n550 5.1.1 really';
        return line.includes('<later@') ? '450 4.2.0 greylisted' : undefined;
      },
    });

    const { recipients, isDestinationFault } = await platform.deliver(message, hostHop(sink.port), {
      finals: ['a@partner.test', 'no@partner.test', 'later@partner.test'],
    });

    expect(recipients.map(({ disposition, status }) => [disposition, status.code, status.text])).toEqual([
      ['delivered', '2.0.0', '250 2.0.0 Ok: queued as 1-1'],
      [
        'bounced',
        '5.1.1',
        'host 127.0.0.1[127.0.0.1] said: 550 5.1.1 no such user really (in reply to RCPT TO command)',
      ],
      [
        'deferred',
        '4.2.0',
        'host 127.0.0.1[127.0.0.1] said: 450 4.2.0 greylisted (in reply to RCPT TO command)',
      ],
    ]);
    expect(recipients[1]?.status.diagnostic).toEqual({ type: 'smtp', text: '550 5.1.1 no such user really' });
    expect(isDestinationFault).toBe(false);
  });

  it('offers to the next host whom the first deferred, and whom it refused to none', async () => {
    const first = await startSink({
      hostname: 'first.test',
      script: ({ line }) => {
        if (line.includes('<no@')) return '550 5.1.1 no';
        return line.includes('<later@') ? '450 4.2.0 later' : undefined;
      },
    });
    const second = await startSink();
    const hosts = [first, second].map((sink) => ({ host: '127.0.0.1', port: sink.port }));

    const { recipients } = await platform.deliver(
      message,
      { transport: 'smtp', hosts },
      { finals: ['a@partner.test', 'no@partner.test', 'later@partner.test'] },
    );

    expect(recipients.map(({ disposition }) => disposition)).toEqual(['delivered', 'bounced', 'delivered']);
    expect(first.messages[0]?.recipients).toEqual(['a@partner.test']);
    expect(second.messages[0]?.recipients).toEqual(['later@partner.test']);
  });

  it('goes on to the next host after a refused connection and a 5xx greeting', async () => {
    const gone = await startSmtpSink();
    await gone.stop();
    const rude = await startSink({
      script: ({ verb }) => (verb === 'CONNECT' ? '554 5.7.1 go away' : undefined),
    });
    const good = await startSink();
    const hosts = [gone, rude, good].map((sink) => ({ host: '127.0.0.1', port: sink.port }));

    const outcome = await platform.deliver(message, { transport: 'smtp', hosts });

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(good.messages).toHaveLength(1);
  });

  it('defers as a fault of the destination when nobody listens', async () => {
    const gone = await startSmtpSink();
    await gone.stop();

    const outcome = await platform.deliver(message, hostHop(gone.port));

    expect(outcome).toMatchObject({
      isDestinationFault: true,
      isOwnFault: false,
      recipients: [
        {
          disposition: 'deferred',
          relay: 'none',
          status: { code: '4.4.1', text: `connect to 127.0.0.1[127.0.0.1]:${gone.port}: Connection refused` },
        },
      ],
    });
  });

  it('says that the content is gone, or damaged, and attempts nobody', async () => {
    const sink = await startSink();
    const content = await platform.spool(message);
    const gone = jobFor({ ...content, key: `${content.key}x` }, hostHop(sink.port));
    const corrupt = jobFor({ ...content, sha256: '0'.repeat(64) }, hostHop(sink.port));

    await platform.owner.dispatch('smtp', [gone, corrupt]);

    expect(await platform.owner.outcomeOf(gone.job.jobId)).toMatchObject({ content: 'gone', recipients: [] });
    expect(await platform.owner.outcomeOf(corrupt.job.jobId)).toMatchObject({
      content: 'corrupt',
      recipients: [],
    });
    expect(sink.messages).toHaveLength(0);
  });

  it('delivers a message of 30 MB octet by octet', async () => {
    const sink = await startSink();
    const line = `${'x'.repeat(99)}\r\n.${'y'.repeat(2000)}\r\n`;
    const content = Buffer.from(`Subject: big\r\n\r\n${line.repeat(15_000)}`);

    const outcome = await platform.deliver(content, hostHop(sink.port));

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(sink.messages[0]?.content.equals(content)).toBe(true);
  });
});

describe('what a server cannot take', () => {
  it.each([
    ['a message above its SIZE', ['SIZE 10'], {}, '5.3.4'],
    ['a non-ASCII address without SMTPUTF8', [], { finals: ['ü@partner.test'], smtputf8: true }, '5.6.7'],
  ] as const)('%s is bounced without a try', async (_, extensions, parts, code) => {
    const sink = await startSink({ extensions });

    const { recipients } = await platform.deliver(message, hostHop(sink.port), parts);

    expect(recipients).toMatchObject([{ disposition: 'bounced', status: { code } }]);
    expect(sink.commands.some((line) => line.includes('MAIL'))).toBe(false);
  });

  it('an address that needs SMTPUTF8 is sent with it, though the client did not ask', async () => {
    const sink = await startSink();

    await platform.deliver(message, hostHop(sink.port), { finals: ['ü@partner.test'] });

    expect(sink.messages[0]).toMatchObject({
      mail: 'MAIL FROM:<sender@elsewhere.test> SIZE=25 SMTPUTF8',
      recipients: ['ü@partner.test'],
    });
  });

  it('content that says it is 8-bit becomes quoted-printable', async () => {
    const sink = await startSink({ extensions: ['SIZE 1000'] });

    const content = Buffer.from('Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n');
    await platform.deliver(content, hostHop(sink.port), { body: '8BITMIME' });

    expect(sink.messages[0]?.mail).toBe('MAIL FROM:<sender@elsewhere.test>');
    expect(sink.messages[0]?.content.toString()).toContain('\r\n\r\nGr=C3=BC=C3=9Fe\r\n');
  });

  it('mail that would come back to us is bounced', async () => {
    const sink = await startSink({ hostname: 'Mail.Example.Test' });

    const { recipients } = await platform.deliver(message, hostHop(sink.port));

    expect(recipients).toMatchObject([{ disposition: 'bounced', status: { code: '5.4.6' } }]);
    await service.waitForEvent('loop-found');
  });
});

describe('delivery over LMTP', () => {
  it('says LHLO and reports one status per recipient', async () => {
    const sink = await startSink({
      protocol: 'lmtp',
      hostname: 'mail.example.test',
      script: ({ verb, line }) =>
        verb === 'DOT' && line.startsWith('full@') ? '452 4.2.2 over quota' : undefined,
    });

    const { recipients } = await platform.deliver(
      message,
      { transport: 'lmtp', host: '127.0.0.1', port: sink.port },
      { finals: ['a@partner.test', 'full@partner.test'] },
    );

    expect(recipients.map(({ disposition, status }) => [disposition, status.code])).toEqual([
      ['delivered', '2.0.0'],
      ['deferred', '4.2.2'],
    ]);
    expect(sink.commands[0]).toBe('1: LHLO mail.example.test');
  });

  it('reaches a UNIX socket', async () => {
    const path = `/tmp/railpost-lmtp-${process.pid}.sock`;
    const sink = await startSink({ protocol: 'lmtp', path });

    const { recipients } = await platform.deliver(message, { transport: 'lmtp', path });

    expect(recipients).toMatchObject([{ disposition: 'delivered', relay: `mail.example.test[${path}]` }]);
    expect(sink.messages).toHaveLength(1);
  });
});

describe('with settings of its own', () => {
  let own: Platform;
  beforeEach(async () => {
    own = await preparePlatform(server);
    await own.configure();
  });
  afterEach(() => own.close());

  it('keeps a connection for the next message of the same destination, and lets it go when idle', async () => {
    const sink = await startSink();
    await own.start('--connection-idle', '500ms');

    for (let index = 0; index < 5; index += 1) await own.deliver(message, hostHop(sink.port));
    expect(sink.messages).toHaveLength(5);
    expect(sink.sessions).toBe(1);

    await expect.poll(() => sink.openSessions, { timeout: 5000 }).toBe(0);
    expect(sink.commands.at(-1)).toBe('1: QUIT');
  });

  it('takes a fresh connection when the kept one has died', async () => {
    const sink = await startSink({
      script: ({ verb, session, transaction }) =>
        verb === 'MAIL' && session === 1 && transaction === 2 ? { hangUp: true } : undefined,
    });
    await own.start('--connection-idle', '10s');
    await own.deliver(message, hostHop(sink.port));

    const outcome = await own.deliver(message, hostHop(sink.port));

    expect(outcome.recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(sink.sessions).toBe(2);
  });

  it('delivers many jobs at once', async () => {
    const sink = await startSink({ script: ({ verb }) => (verb === 'DOT' ? { delayMs: 50 } : undefined) });
    await own.start('--slots', '50');
    const content = await own.spool(message);
    const jobs = Array.from({ length: 50 }, () => jobFor(content, hostHop(sink.port)));

    const reply = await own.owner.dispatch('smtp', jobs);
    const outcomes = await Promise.all(jobs.map(({ job }) => own.owner.outcomeOf(job.jobId)));

    expect(reply.accepted).toHaveLength(50);
    expect(outcomes.every(({ recipients }) => recipients[0]?.disposition === 'delivered')).toBe(true);
    expect(sink.messages).toHaveLength(50);
  });
});
