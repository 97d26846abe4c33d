import { describe, expect, it } from 'vitest';
import { busNames, destinationToken, shardOf } from './index.ts';

describe('destinationToken', () => {
  it.each([
    ['smtp:partner.test', 'smtp_003apartner_002etest'],
    ['smtp:[127.0.0.1]:2526', 'smtp_003a_005b127_002e0_002e0_002e1_005d_003a2526'],
    ['lmtp:unix:/run/x y', 'lmtp_003aunix_003a_002frun_002fx_0020y'],
    ['_epoch', '_005fepoch'],
    ['smtp:a*b>c', 'smtp_003aa_002ab_003ec'],
  ])('escapes %s into one legal token', (destination, token) => {
    expect(destinationToken(destination)).toBe(token);
  });

  it('shortens long destinations and keeps them apart', () => {
    const long = `smtp:${'[192.0.2.1]:25,'.repeat(40)}`;

    const [one, other] = [destinationToken(`${long}a`), destinationToken(`${long}b`)];

    expect(one).not.toBe(other);
    expect(one.length).toBeLessThan(520);
  });
});

describe('busNames', () => {
  it('puts the prefix before every stream, bucket and subject', () => {
    const names = busNames('t1');

    expect(names.activeSubject(3, 'smtp:a.test', 'j1')).toBe('t1.act.3.smtp_003aa_002etest.j1');
    expect(names.deferSubject(3, 'smtp:a.test', 'j1')).toBe('t1.def.3.smtp_003aa_002etest.j1');
    expect(names.epochSubject(3)).toBe('t1.def.3._epoch');
    expect([names.incomingStream, names.leaseBucket]).toEqual(['t1_INCOMING', 't1_lease']);
  });

  it('refuses a prefix that would be two tokens', () => {
    expect(() => busNames('a.b')).toThrow(RangeError);
  });
});

describe('shardOf', () => {
  it('spreads destinations over all shards and keeps each in one', () => {
    const shards = new Set(Array.from({ length: 200 }, (_, index) => shardOf(`smtp:d${index}.test`, 4)));

    expect([...shards].toSorted((left, right) => left - right)).toEqual([0, 1, 2, 3]);
    expect(shardOf('smtp:d1.test', 4)).toBe(shardOf('smtp:d1.test', 4));
  });
});
