import { expect, it } from 'vitest';
import { chooseMutant } from './mutant.ts';

const permitted = { RAILPOST_TEST_BUILD: 'loses-mail' };

it('is none unless the setting names one', () => {
  expect(chooseMutant(undefined, permitted)).toBeUndefined();
});

it('is taken in a test build', () => {
  expect(chooseMutant('fence-left-out', permitted)).toBe('fence-left-out');
});

it.each([{}, { RAILPOST_TEST_BUILD: 'true' }, { RAILPOST_TEST_BUILD: '' }])(
  'is refused with the environment %j',
  (environment) => {
    expect(() => chooseMutant('fence-left-out', environment)).toThrow(/RAILPOST_TEST_BUILD=loses-mail/);
  },
);

it.each(['fence', 'toString', ''])('named %j does not exist', (name) => {
  expect(() => chooseMutant(name, permitted)).toThrow(/is none of cleanup-acks-first, /);
});
