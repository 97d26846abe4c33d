import { expect, it } from 'vitest';
import { isNewEnough } from './nats-program.ts';

it.each([
  ['2.15.1', true],
  ['2.15.0', false],
  ['2.10.27', false],
  ['2.16.0', true],
  ['3.0.0', true],
  ['', false],
])('takes nats-server %s: %s', (version, expected) => {
  expect(isNewEnough(version)).toBe(expected);
});
