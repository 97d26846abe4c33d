/** The name server of the measurements, asked by an independent resolver. */
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WildcardDns, startWildcardDns } from '../load/wildcard-dns.ts';

describe('the wildcard name server', () => {
  let dns: WildcardDns;
  const resolver = new Resolver();
  beforeAll(async () => {
    dns = await startWildcardDns();
    resolver.setServers([dns.address]);
  });
  afterAll(() => dns.close());

  it('gives every domain a mail server of its own name', async () => {
    expect(await resolver.resolveMx('d17.many.test')).toMatchObject([
      { priority: 10, exchange: 'mx.d17.many.test' },
    ]);
  });

  it('says that every mail server is this machine', async () => {
    expect(await resolver.resolve4('mx.d17.many.test')).toEqual(['127.0.0.1']);
  });

  it('has nothing else', async () => {
    await expect(resolver.resolveTxt('d17.many.test')).rejects.toThrow('ENODATA');
  });
});
