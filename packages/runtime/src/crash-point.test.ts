import { describe, expect, it } from 'vitest';
import { createCrashPoint } from './crash-point.ts';

describe('crash point', () => {
  it.each([
    { specification: undefined, passed: ['a', 'a'], deaths: 0 },
    { specification: 'a', passed: ['b', 'b'], deaths: 0 },
    { specification: 'a', passed: ['b', 'a'], deaths: 1 },
    { specification: 'a:3', passed: ['a', 'a'], deaths: 0 },
    { specification: 'a:3', passed: ['a', 'b', 'a', 'a', 'a'], deaths: 1 },
    {
      specification: 'cleanup.after-publish:2',
      passed: ['cleanup.after-publish', 'cleanup.after-publish'],
      deaths: 1,
    },
  ])('dies $deaths times for $specification after passing $passed', ({ specification, passed, deaths }) => {
    let died = 0;
    const crashPoint = createCrashPoint(specification, () => {
      died += 1;
    });

    for (const name of passed) crashPoint(name);

    expect(died).toBe(deaths);
  });
});
