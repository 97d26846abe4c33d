/** From next hops to addresses, with the name service as a table. */
import { DnsError, type Lookup, type MailExchanger, type Resolver } from '@railpost/dns';
import { describe, expect, it } from 'vitest';
import { type SmtpHop, type TargetFacts, findTargets } from './targets.ts';

interface Zone {
  readonly mx?: readonly (readonly [number, string])[] | 'no-data' | 'no-domain' | 'fails';
  readonly hosts?: Readonly<Record<string, readonly string[] | 'fails'>>;
}

function resolverOf({ mx = 'no-domain', hosts = {} }: Zone): Resolver {
  const fail = (): never => {
    throw new DnsError('DNS_SERVER_FAILURE', 'SERVFAIL');
  };
  return {
    async lookupMx(): Promise<Lookup<MailExchanger>> {
      if (mx === 'fails') return fail();
      if (typeof mx === 'string') return { kind: mx };
      return { kind: 'found', records: mx.map(([preference, exchange]) => ({ preference, exchange })) };
    },
    async lookupAddresses(host, family): Promise<Lookup<string>> {
      const all = hosts[host];
      if (all === 'fails') return fail();
      if (all === undefined) return { kind: 'no-domain' };
      const records = all.filter((address) => address.includes(':') === (family === 6));
      return records.length === 0 ? { kind: 'no-data' } : { kind: 'found', records };
    },
  };
}

async function find(hop: SmtpHop, zone: Zone = {}, facts: Partial<TargetFacts> = {}): Promise<unknown> {
  const found = await findTargets(hop, {
    resolver: resolverOf(zone),
    lookupHost: async (host) => {
      if (host === 'relay.test') return ['192.0.2.7', '2001:db8::7'];
      throw new Error('ENOTFOUND');
    },
    ownNames: ['mail.own.test'],
    smtpPort: 25,
    random: () => 0,
    ...facts,
  });
  return found.kind === 'none' ? found.status.code : found.targets.map((target) => target.site.relay);
}

describe('findTargets', () => {
  const byMx: SmtpHop = { transport: 'smtp', mx: 'example.test' };

  it('orders MX hosts by preference and takes both families', async () => {
    const zone: Zone = {
      mx: [
        [20, 'b.test'],
        [10, 'a.test'],
      ],
      hosts: { 'a.test': ['192.0.2.1'], 'b.test': ['192.0.2.2', '2001:db8::2'] },
    };

    expect(await find(byMx, zone)).toEqual([
      'a.test[192.0.2.1]:25',
      'b.test[2001:db8::2]:25',
      'b.test[192.0.2.2]:25',
    ]);
  });

  it('ignores trouble with one host while another has an address', async () => {
    const zone: Zone = {
      mx: [
        [10, 'a.test'],
        [20, 'b.test'],
      ],
      hosts: { 'a.test': 'fails', 'b.test': ['192.0.2.2'] },
    };

    expect(await find(byMx, zone)).toEqual(['b.test[192.0.2.2]:25']);
  });

  it.each([
    ['no host has an address', { mx: [[10, 'a.test']], hosts: { 'a.test': [] } }, '5.4.4'],
    ['no host exists', { mx: [[10, 'a.test']] }, '5.4.4'],
    [
      'one of several might have one',
      {
        mx: [
          [10, 'a.test'],
          [20, 'b.test'],
        ],
        hosts: { 'b.test': 'fails' },
      },
      '4.4.3',
    ],
    ['the domain does not exist', { mx: 'no-domain' }, '5.4.4'],
    ['the MX question fails', { mx: 'fails' }, '4.4.3'],
    ['the domain takes no mail', { mx: [[0, '']] }, '5.1.10'],
    [
      'we are the best host',
      {
        mx: [
          [10, 'mail.own.test'],
          [20, 'b.test'],
        ],
      },
      '5.4.6',
    ],
  ] as readonly (readonly [string, Zone, string])[])('has none when %s', async (_, zone, code) => {
    expect(await find(byMx, zone)).toBe(code);
  });

  it('takes five addresses, and lets no family crowd the other out', async () => {
    const v6 = Array.from({ length: 9 }, (_, index) => `2001:db8::${index + 1}`);
    const zone: Zone = {
      mx: [[10, 'a.test']],
      hosts: { 'a.test': [...v6, '192.0.2.1', '192.0.2.2', '192.0.2.3'] },
    };
    const found = await find(byMx, zone);

    expect(found).toHaveLength(5);
    expect(Array.isArray(found) && found.filter((relay) => String(relay).includes('192.')).length).toBe(3);
  });

  it('asks for the A-label of an internationalised domain', async () => {
    const asked: string[] = [];
    const resolver: Resolver = {
      ...resolverOf({}),
      lookupMx: async (domain) => {
        asked.push(domain);
        return { kind: 'no-domain' };
      },
    };
    await find({ transport: 'smtp', mx: 'bücher.test' }, {}, { resolver });

    expect(asked).toEqual(['xn--bcher-kva.test']);
  });

  it.each([
    ['an address literal', { transport: 'smtp', mx: '[192.0.2.9]' }, ['192.0.2.9[192.0.2.9]:25']],
    ['an IPv6 literal', { transport: 'smtp', mx: '[IPv6:2001:db8::9]' }, ['2001:db8::9[2001:db8::9]:25']],
    [
      'named hosts, in order',
      {
        transport: 'smtp',
        hosts: [
          { host: '192.0.2.5', port: 2525 },
          { host: 'relay.test', port: 587 },
        ],
      },
      ['192.0.2.5[192.0.2.5]:2525', 'relay.test[192.0.2.7]:587', 'relay.test[2001:db8::7]:587'],
    ],
    [
      'a named host that is missing, beside one that is not',
      {
        transport: 'smtp',
        hosts: [
          { host: 'gone.test', port: 25 },
          { host: '192.0.2.5', port: 25 },
        ],
      },
      ['192.0.2.5[192.0.2.5]:25'],
    ],
    [
      'only named hosts that are missing',
      { transport: 'smtp', hosts: [{ host: 'gone.test', port: 25 }] },
      '4.4.4',
    ],
    [
      'an LMTP host',
      { transport: 'lmtp', host: 'relay.test', port: 24 },
      ['relay.test[192.0.2.7]:24', 'relay.test[2001:db8::7]:24'],
    ],
    ['an LMTP socket', { transport: 'lmtp', path: '/run/lmtp' }, ['mail.own.test[/run/lmtp]']],
  ] as readonly (readonly [string, SmtpHop, unknown])[])('%s', async (_, hop, expected) => {
    expect(await find(hop)).toEqual(expected);
  });
});
