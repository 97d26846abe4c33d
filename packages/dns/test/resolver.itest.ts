/** The resolver against a real socket: UDP, TCP, faults, aliases, cache. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DnsServer, startDnsServer } from '@railpost/testkit';
import { createResolver, parseNameServer } from '@railpost/dns';

let server: DnsServer;
let now = 0;

beforeEach(async () => {
  now = 0;
  server = await startDnsServer({
    'example.test': {
      mx: [
        [10, 'mx.example.test'],
        [20, 'mx2.example.test'],
      ],
      ttl: 60,
    },
    'mx.example.test': { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['2001:db8::1'] },
    'null.test': { mx: [[0, '.']] },
    'alias.test': { cname: 'mx.example.test' },
    'broken.test': { fault: 'servfail' },
    'silent.test': { fault: 'silent' },
    'big.test': {
      fault: 'truncated',
      mx: Array.from({ length: 100 }, (_, index) => [index, `host-${index}.big.test`] as const),
    },
    'loop-a.test': { cname: 'loop-b.test' },
    'loop-b.test': { cname: 'loop-a.test' },
    'lost.test': { cname: 'nowhere.test' },
  });
});
afterEach(() => server.stop());

function resolver(servers: readonly string[] = [server.address]) {
  return createResolver({
    servers: servers.map(parseNameServer),
    timeoutMs: 200,
    attempts: 1,
    nowMs: () => now,
  });
}

describe('resolver', () => {
  it('finds MX records', async () => {
    expect(await resolver().lookupMx('Example.Test.')).toEqual({
      kind: 'found',
      records: [
        { preference: 10, exchange: 'mx.example.test' },
        { preference: 20, exchange: 'mx2.example.test' },
      ],
    });
  });

  it('finds addresses of both families', async () => {
    expect(await resolver().lookupAddresses('mx.example.test', 4)).toEqual({
      kind: 'found',
      records: ['192.0.2.1', '192.0.2.2'],
    });
    expect(await resolver().lookupAddresses('mx.example.test', 6)).toEqual({
      kind: 'found',
      records: ['2001:db8::1'],
    });
  });

  it('reads a null MX as an empty name', async () => {
    expect(await resolver().lookupMx('null.test')).toEqual({
      kind: 'found',
      records: [{ preference: 0, exchange: '' }],
    });
  });

  it('tells a missing name from a missing record', async () => {
    expect(await resolver().lookupMx('nowhere.test')).toEqual({ kind: 'no-domain' });
    expect(await resolver().lookupMx('mx.example.test')).toEqual({ kind: 'no-data' });
  });

  it('follows aliases', async () => {
    expect(await resolver().lookupAddresses('alias.test', 4)).toMatchObject({ kind: 'found' });
  });

  it('asks over TCP when the answer was truncated', async () => {
    const found = await resolver().lookupMx('big.test');

    expect(found.kind === 'found' && found.records.length).toBe(100);
    expect(server.questions).toEqual(['udp MX big.test', 'tcp MX big.test']);
  });

  it('is temporarily at a loss when servers fail or are silent', async () => {
    await expect(resolver().lookupMx('broken.test')).rejects.toMatchObject({
      code: 'DNS_SERVER_FAILURE',
      temporary: true,
    });
    await expect(resolver().lookupMx('silent.test')).rejects.toMatchObject({
      code: 'DNS_TIMEOUT',
      temporary: true,
    });
  });

  it('asks the next server when one does not listen', async () => {
    const dead = await startDnsServer();
    await dead.stop();

    expect(await resolver([dead.address, server.address]).lookupMx('example.test')).toMatchObject({
      kind: 'found',
    });
  });

  it('remembers answers and absences for as long as they say', async () => {
    const one = resolver();
    await one.lookupMx('example.test');
    await one.lookupMx('example.test');
    await one.lookupMx('nowhere.test');
    await one.lookupMx('nowhere.test');
    expect(server.questions).toEqual(['udp MX example.test', 'udp MX nowhere.test']);

    now = 61_000;
    await one.lookupMx('example.test');
    await one.lookupMx('nowhere.test');
    expect(server.questions).toHaveLength(4);
  });

  it('asks once for many who want to know at the same time', async () => {
    const one = resolver();
    await Promise.all(Array.from({ length: 20 }, () => one.lookupMx('example.test')));

    expect(server.questions).toHaveLength(1);
  });

  it.each(['a b.test', `${'a'.repeat(64)}.test`, 'ä.test', ''])(
    'refuses the name "%s" for good',
    async (name) => {
      await expect(resolver().lookupMx(name)).rejects.toMatchObject({
        code: 'DNS_BAD_NAME',
        temporary: false,
      });
    },
  );

  it('finds nothing behind an alias that leads nowhere', async () => {
    expect(await resolver().lookupAddresses('lost.test', 4)).toEqual({ kind: 'no-domain' });
  });

  it('does not run round aliases for ever', async () => {
    await expect(resolver().lookupMx('loop-a.test')).rejects.toMatchObject({ code: 'DNS_SERVER_FAILURE' });
  });
});
