/** Mail by MX lookup: a scripted name server, recording sinks on loopback addresses as the mail hosts. */
import type { NextHop } from '@railpost/contracts';
import {
  type DnsServer,
  type NatsServer,
  type SmtpSink,
  type SmtpSinkOptions,
  findFreePorts,
  startDnsServer,
  startNatsServer,
  startSmtpSink,
} from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Platform, preparePlatform } from './platform.ts';

const message = Buffer.from('Subject: hello\r\n\r\nbody\r\n');

let server: NatsServer;
let platform: Platform;
let dns: DnsServer;
let port = 0;
const sinks: SmtpSink[] = [];

// One process for all: each test has a domain of its own, so that nothing remembered of another one is met again.
let count = 0;
let domain = '';
let hop: NextHop;

beforeAll(async () => {
  server = await startNatsServer();
  [port = 0] = await findFreePorts(1);
  dns = await startDnsServer();
  platform = await preparePlatform(server);
  await platform.configure({ delivery: { timeouts: { connect: '2s', command: '2s' } } });
  await platform.start('--dns-servers', dns.address, '--smtp-port', String(port));
});
afterAll(async () => {
  await platform.close();
  await dns.stop();
  await server.stop();
});
beforeEach(() => {
  count += 1;
  domain = `partner-${count}.test`;
  hop = { transport: 'smtp', mx: domain };
});
afterEach(async () => {
  await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
});

/** Starts a mail host at 127.0.0.`last`, known to the name server as `label` in the domain. */
async function startHost(label: string, last: number, options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const host = `127.0.0.${last}`;
  const sink = await startSmtpSink({ ...options, hostname: nameOf(label), host, port });
  sinks.push(sink);
  dns.set(nameOf(label), { a: [host] });
  return sink;
}

function nameOf(label: string): string {
  return label === '' ? domain : `${label}.${domain}`;
}

/** MX records of the domain, best first. */
function setMx(...labels: readonly string[]): void {
  dns.set(domain, { mx: labels.map((label, index) => [10 + index, nameOf(label)]) });
}

describe('delivery by MX', () => {
  it('takes the best host first, and names it in relay=', async () => {
    const backup = await startHost('mx2', 2);
    const best = await startHost('mx1', 3);
    setMx('mx1', 'mx2');

    const { recipients } = await platform.deliver(message, hop);

    expect(recipients).toMatchObject([
      {
        disposition: 'delivered',
        relay: `mx1.${domain}[127.0.0.3]:${port}`,
        status: { remoteMta: `mx1.${domain}` },
      },
    ]);
    expect([best.messages.length, backup.messages.length]).toEqual([1, 0]);
  });

  it.each([
    ['does not listen', undefined],
    [
      'greets with 421',
      {
        script: ({ verb }: { readonly verb: string }) => (verb === 'CONNECT' ? '421 4.3.2 busy' : undefined),
      },
    ],
    [
      'hangs up after EHLO',
      { script: ({ verb }: { readonly verb: string }) => (verb === 'EHLO' ? { hangUp: true } : undefined) },
    ],
    [
      'defers the recipient',
      { script: ({ verb }: { readonly verb: string }) => (verb === 'RCPT' ? '451 4.3.0 later' : undefined) },
    ],
  ])('goes on to the backup when the best host %s', async (_, options) => {
    if (options === undefined) dns.set(nameOf('mx1'), { a: ['127.0.0.3'] });
    else await startHost('mx1', 3, options);
    const backup = await startHost('mx2', 2);
    setMx('mx1', 'mx2');

    const { recipients } = await platform.deliver(message, hop);

    expect(recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(backup.messages).toHaveLength(1);
  });

  it('does not ask the backup about a recipient whom the best host refused', async () => {
    await startHost('mx1', 3, {
      script: ({ verb }) => (verb === 'RCPT' ? '550 5.1.1 no' : undefined),
    });
    const backup = await startHost('mx2', 2);
    setMx('mx1', 'mx2');

    const { recipients } = await platform.deliver(message, hop);

    expect(recipients).toMatchObject([{ disposition: 'bounced', status: { code: '5.1.1' } }]);
    expect(backup.sessions).toBe(0);
  });

  it('talks to two hosts at most', async () => {
    const later = {
      script: ({ verb }: { readonly verb: string }) => (verb === 'RCPT' ? '451 4.3.0 later' : undefined),
    };
    const hosts = [await startHost('a', 2, later), await startHost('b', 3, later), await startHost('c', 4)];
    setMx('a', 'b', 'c');

    const { recipients } = await platform.deliver(message, hop);

    expect(recipients).toMatchObject([{ disposition: 'deferred', relay: `b.${domain}[127.0.0.3]:${port}` }]);
    expect(hosts.map((host) => host.sessions)).toEqual([1, 1, 0]);
  });

  it('takes the domain itself when it has no MX records', async () => {
    const host = await startHost('', 2);

    expect((await platform.deliver(message, hop)).recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(host.messages).toHaveLength(1);
  });

  it.each([
    [
      'a null MX',
      { mx: [[0, '.']] as const },
      'bounced',
      '5.1.10',
      'Domain DOMAIN does not accept mail (nullMX)',
    ],
    [
      'no such domain',
      undefined,
      'bounced',
      '5.4.4',
      'Host or domain name not found. Name service error for name=DOMAIN type=A: Host not found',
    ],
    [
      'a failing name server',
      { fault: 'servfail' } as const,
      'deferred',
      '4.4.3',
      'Host or domain name not found. Name service error for name=DOMAIN type=MX: Host not found, try again',
    ],
    [
      'a host without address',
      { mx: [[10, 'gone.invalid']] as const },
      'bounced',
      '5.4.4',
      'Host or domain name not found. Name service error for name=gone.invalid type=A: Host not found',
    ],
    [
      'a domain with neither MX nor address',
      { txt: ['x'] },
      'bounced',
      '5.4.4',
      'Host or domain name not found. Name service error for name=DOMAIN type=AAAA: Host found but no data record of requested type',
    ],
    [
      'ourselves as the best host',
      { mx: [[10, 'mail.example.test']] as const },
      'bounced',
      '5.4.6',
      'mail for DOMAIN loops back to myself',
    ],
  ] as const)('%s: %j is %s %s', async (...[, records, disposition, code, text]) => {
    dns.set(domain, records);

    const outcome = await platform.deliver(message, hop);

    expect(outcome.recipients).toMatchObject([
      { disposition, relay: 'none', status: { code, text: text.replace('DOMAIN', domain) } },
    ]);
    expect(outcome.isDestinationFault).toBe(disposition === 'deferred');
  });

  it('delivers to an address literal', async () => {
    const host = await startHost('literal', 5);

    const { recipients } = await platform.deliver(message, { transport: 'smtp', mx: '[127.0.0.5]' });

    expect(recipients).toMatchObject([{ disposition: 'delivered' }]);
    expect(host.messages).toHaveLength(1);
  });
});
