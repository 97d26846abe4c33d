import { describe, expect, it } from 'vitest';
import { actingTimeMs } from './lease.ts';
import { judgeServer } from './server-check.ts';

const always = { config: { sync_always: true } };

describe('the durability gate', () => {
  it.each([
    ['2.15.1', always, /^$/],
    ['2.15.2', always, /^$/],
    ['2.16.0', always, /^$/],
    ['3.0.0-beta.1', always, /^$/],
    ['2.15.0', always, /older than 2\.15\.1/],
    ['2.10.27', always, /older than 2\.15\.1/],
    ['2.15.1', { config: {} }, /without sync_interval: always/],
    ['2.15.1', { config: { sync_always: false } }, /without sync_interval: always/],
    ['2.15.1', undefined, /without sync_interval: always/],
  ])('judges version %s with %j', (version, jetstream, expected) => {
    const verdict = judgeServer('http://n', { version, jetstream });

    expect(verdict).toMatch(expected);
  });

  it('does not take another program for a nats-server', () => {
    expect(judgeServer('http://n', { status: 'ok' })).toContain('not the monitor of a nats-server');
  });
});

it.each([
  [15_000, 10_000],
  [60_000, 55_000],
  [3000, 2000],
])('a lease of %i ms is acted upon for %i ms after a refresh', (ttlMs, expected) => {
  expect(actingTimeMs(ttlMs)).toBe(expected);
});
