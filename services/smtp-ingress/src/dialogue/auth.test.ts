/** The AUTH exchange: what the client sends, step by step. */
import { expect, test } from 'vitest';
import { beginExchange, continueExchange } from './auth.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const credentials = { login: 'alice@example.test', password: 'pässword' };

test('PLAIN with an initial response', () => {
  const step = beginExchange('PLAIN', base64('\0alice@example.test\0pässword'));

  expect(step).toEqual({ kind: 'credentials', credentials });
});

test('PLAIN in two steps', () => {
  const exchange = { mechanism: 'PLAIN', user: undefined } as const;
  const response = base64('\0alice@example.test\0pässword');

  expect(beginExchange('PLAIN', undefined)).toEqual({ kind: 'challenge', challenge: '', exchange });
  expect(continueExchange(exchange, response)).toEqual({ kind: 'credentials', credentials });
});

const forPassword = {
  kind: 'challenge',
  challenge: base64('Password:'),
  exchange: { mechanism: 'LOGIN', user: 'alice@example.test' },
} as const;

test('LOGIN asks for the user name, then for the password', () => {
  const exchange = { mechanism: 'LOGIN', user: undefined } as const;

  expect(beginExchange('LOGIN', undefined)).toEqual({
    kind: 'challenge',
    challenge: base64('Username:'),
    exchange,
  });
  expect(continueExchange(exchange, base64('alice@example.test'))).toEqual(forPassword);
  expect(continueExchange(forPassword.exchange, base64('pässword'))).toEqual({
    kind: 'credentials',
    credentials,
  });
});

test('LOGIN takes the user name as initial response', () => {
  expect(beginExchange('LOGIN', base64('alice@example.test'))).toEqual(forPassword);
});

test.each([
  ['*', 'authAborted'],
  ['not!base64', 'authNotBase64'],
  ['YWJj\0', 'authNotBase64'],
  ['YWJ', 'authNotBase64'],
  [Buffer.from([0xff, 0xfe]).toString('base64'), 'authNotBase64'],
  [base64('no separators'), 'authFailed'],
  [base64('\0\0password'), 'authFailed'],
  [base64('bob\0alice\0password'), 'authFailed'],
  [base64('\0a\0b\0c'), 'authFailed'],
  ['', 'authFailed'],
])('PLAIN refuses %j: %s', (line, status) => {
  const exchange = { mechanism: 'PLAIN', user: undefined } as const;

  expect(continueExchange(exchange, line)).toEqual({ kind: 'failed', status });
});

test('an initial response of "=" is the empty one (RFC 4954)', () => {
  expect(beginExchange('PLAIN', '=')).toEqual({ kind: 'failed', status: 'authFailed' });
  expect(beginExchange('LOGIN', '=')).toMatchObject({ kind: 'challenge', challenge: base64('Password:') });
});

test('acting for oneself by name is allowed', () => {
  const line = base64('Alice@Example.test\0alice@example.test\0pässword');

  expect(beginExchange('PLAIN', line)).toEqual({ kind: 'credentials', credentials });
});
