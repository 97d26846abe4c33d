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
  const step = beginExchange('PLAIN', undefined);

  expect(step).toMatchObject({ kind: 'challenge', challenge: '' });
  if (step.kind !== 'challenge') return;
  expect(continueExchange(step.exchange, base64('\0alice@example.test\0pässword'))).toEqual({
    kind: 'credentials',
    credentials,
  });
});

test.each([base64('alice@example.test'), undefined])('LOGIN, user name in the command: %s', (initial) => {
  let step = beginExchange('LOGIN', initial);
  if (initial === undefined) {
    expect(step).toMatchObject({ challenge: base64('Username:') });
    if (step.kind === 'challenge') step = continueExchange(step.exchange, base64('alice@example.test'));
  }

  expect(step).toMatchObject({ challenge: base64('Password:') });
  if (step.kind !== 'challenge') return;
  expect(continueExchange(step.exchange, base64('pässword'))).toEqual({ kind: 'credentials', credentials });
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
