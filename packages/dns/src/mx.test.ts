/** The choice of mail hosts, as tables. */
import { describe, expect, it } from 'vitest';
import { decideMailRoute, shuffle } from './mx.ts';
import type { MailExchanger } from './resolver.ts';

function found(...records: readonly (readonly [number, string])[]) {
  const list: MailExchanger[] = records.map(([preference, exchange]) => ({ preference, exchange }));
  return { kind: 'found' as const, records: list };
}

const facts = { domain: 'example.test', ownNames: ['mail.own.test'], random: () => 0 };

describe('decideMailRoute', () => {
  it('orders hosts by preference', () => {
    const route = decideMailRoute(found([20, 'b.test'], [10, 'a.test'], [30, 'c.test']), facts);

    expect(route).toMatchObject({ hosts: [{ host: 'a.test' }, { host: 'b.test' }, { host: 'c.test' }] });
  });

  it('shuffles hosts of equal preference, and only those', () => {
    const records = found([10, 'a.test'], [10, 'b.test'], [20, 'c.test']);
    const first = (random: () => number) => {
      const route = decideMailRoute(records, { ...facts, random });
      return route.kind === 'hosts' ? route.hosts.map((each) => each.host) : [];
    };

    expect(first(() => 0)).toEqual(['a.test', 'b.test', 'c.test']);
    expect(first(() => 0.99)).toEqual(['b.test', 'a.test', 'c.test']);
  });

  it('takes the domain itself when it has no MX records', () => {
    expect(decideMailRoute({ kind: 'no-data' }, facts)).toEqual({
      kind: 'hosts',
      hosts: [{ host: 'example.test', preference: 0 }],
      isImplicit: true,
    });
  });

  it('knows a null MX', () => {
    expect(decideMailRoute(found([0, '']), facts)).toEqual({ kind: 'null-mx' });
  });

  it('ignores an empty name among others', () => {
    expect(decideMailRoute(found([0, ''], [5, 'a.test']), facts)).toMatchObject({
      hosts: [{ host: 'a.test' }],
    });
  });

  it('drops hosts that are no better than ourselves', () => {
    const route = decideMailRoute(
      found([10, 'a.test'], [20, 'MAIL.own.test.'], [20, 'b.test'], [30, 'c.test']),
      facts,
    );

    expect(route).toMatchObject({ hosts: [{ host: 'a.test' }] });
  });

  it('sees a loop when we are the best host', () => {
    expect(decideMailRoute(found([10, 'mail.own.test'], [10, 'a.test']), facts)).toEqual({ kind: 'loop' });
  });

  it('passes on that the domain does not exist', () => {
    expect(decideMailRoute({ kind: 'no-domain' }, facts)).toEqual({ kind: 'no-domain' });
  });
});

describe('shuffle', () => {
  it('keeps every item', () => {
    expect(shuffle([1, 2, 3, 4], () => 0.5).toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4]);
  });
});
