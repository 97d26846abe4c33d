/** Lifetime and bounds of the cache, on a clock of the test. */
import { expect, it } from 'vitest';
import { createTtlCache } from './cache.ts';

it('forgets an answer when its time has passed', () => {
  let now = 0;
  const cache = createTtlCache<string>(10, () => now);
  cache.set('a', 'x', 1000);

  now = 999;
  expect(cache.get('a')).toBe('x');
  now = 1000;
  expect(cache.get('a')).toBeUndefined();
});

it('keeps nothing whose time is zero', () => {
  const cache = createTtlCache<string>(10, () => 0);
  cache.set('a', 'x', 0);

  expect(cache.get('a')).toBeUndefined();
});

it('drops the least recently used answer when it is full', () => {
  const cache = createTtlCache<string>(2, () => 0);
  cache.set('a', 'x', 1000);
  cache.set('b', 'y', 1000);
  cache.get('a');
  cache.set('c', 'z', 1000);

  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['x', undefined, 'z']);
  expect(cache.size).toBe(2);
});
