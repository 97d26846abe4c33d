import { describe, expect, it } from 'vitest';
import { ConfigurationInvalidError } from '../errors.ts';
import { UnitCache } from './unit-cache.ts';
import { hashUnit } from './unit-hash.ts';

const unit = (text: string) => Buffer.from(text);

function root(revision: number, units: Record<string, Buffer>): Buffer {
  const hashes = Object.fromEntries(Object.entries(units).map(([key, bytes]) => [key, hashUnit(bytes)]));
  return Buffer.from(JSON.stringify({ version: 1, revision, hash: `h${revision}`, units: hashes }));
}

describe('unit cache', () => {
  it('is complete when every unit of the root is there with its hash', () => {
    const cache = new UnitCache();

    cache.put('platform', unit('p1'));
    expect(cache.complete()).toBeUndefined();
    cache.put('root', root(1, { platform: unit('p1'), routes: unit('r1') }));
    expect(cache.complete()).toBeUndefined();
    cache.put('routes', unit('r1'));

    expect([...(cache.complete()?.keys() ?? [])]).toEqual(['root', 'platform', 'routes']);
    expect(cache.rootHash).toBe('h1');
  });

  it('is not complete with a unit of another revision', () => {
    const cache = new UnitCache();
    cache.put('platform', unit('p2'));

    cache.put('root', root(1, { platform: unit('p1') }));

    expect(cache.complete()).toBeUndefined();
  });

  it('leaves out units that the root does not name', () => {
    const cache = new UnitCache();
    cache.put('unit.old', unit('o'));
    cache.put('platform', unit('p1'));

    cache.put('root', root(1, { platform: unit('p1') }));

    expect([...(cache.complete()?.keys() ?? [])]).toEqual(['root', 'platform']);
  });

  it('is not complete after a unit was deleted', () => {
    const cache = new UnitCache();
    cache.put('platform', unit('p1'));
    cache.put('root', root(1, { platform: unit('p1') }));

    cache.remove('platform');

    expect(cache.complete()).toBeUndefined();
  });

  it.each(['rubbish', '{"version":2}'])('refuses the root %s and stays incomplete', (text) => {
    const cache = new UnitCache();

    expect(() => cache.put('root', unit(text))).toThrow(ConfigurationInvalidError);
    expect(cache.complete()).toBeUndefined();
  });
});
