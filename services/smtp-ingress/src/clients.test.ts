/** What is known and counted about clients: gate, names, errors, commands. */
import type { ListenerSettings } from '@railpost/config';
import { expect, test } from 'vitest';
import { ClientGate, networkSet } from './client-gate.ts';
import { CommandCounts } from './command-counts.ts';
import { ErrorBudget } from './error-budget.ts';
import { ReverseNames } from './reverse-name.ts';

const listener = (role: ListenerSettings['role'], connectionsPerClient: number): ListenerSettings => ({
  name: 'test',
  port: 0,
  role,
  tls: { mode: 'None', certificates: [], minimumVersion: 'TLSv1.2' },
  limits: {
    messageSizeBytes: 0,
    recipients: 1,
    headerSizeBytes: 1,
    lineLengthBytes: 1,
    errors: 1,
    connectionsPerClient,
  },
  timeouts: { idleMs: 1, messageMs: 1 },
  withheldKeywords: [],
  trustedNetworks: [],
  trustedProxies: undefined,
});

test.each([
  ['10.1.2.3', undefined],
  ['11.0.0.1', 'networkDenied'],
  ['fd00::1', undefined],
  ['2001:db8::1', 'networkDenied'],
])('Internal: a client at %s hears %s', (address, expected) => {
  const networks = networkSet(['10.0.0.0/8', 'fd00::/8', 'nonsense']);

  expect(new ClientGate().enter(address, listener('Internal', 0), networks)).toBe(expected);
});

test('connections of one address are counted and given back', () => {
  const gate = new ClientGate();
  const networks = networkSet([]);
  const enter = (address: string): unknown => gate.enter(address, listener('MX', 2), networks);

  expect([enter('192.0.2.1'), enter('192.0.2.1'), enter('192.0.2.2')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(enter('192.0.2.1')).toBe('tooManyConnections');
  gate.leave('192.0.2.1', listener('MX', 2));
  gate.leave('192.0.2.1', listener('MX', 2));
  expect(enter('192.0.2.1')).toBeUndefined();
});

test('each listener counts for itself, as each service of Postfix does', () => {
  const gate = new ClientGate();
  const networks = networkSet([]);
  const wide = { ...listener('MX', 0), name: 'wide' };
  const narrow = { ...listener('MX', 1), name: 'narrow' };

  expect([wide, wide, narrow].map((each) => gate.enter('192.0.2.1', each, networks))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(gate.enter('192.0.2.1', narrow, networks)).toBe('tooManyConnections');
});

test('no limit when it is 0', () => {
  const gate = new ClientGate();
  const results = Array.from({ length: 100 }, () =>
    gate.enter('192.0.2.1', listener('MX', 0), networkSet([])),
  );

  expect(new Set(results)).toEqual(new Set([undefined]));
});

test('above ten errors replies wait, at the limit the session is over, a message forgives', () => {
  const budget = new ErrorBudget(12);
  for (let index = 0; index < 9; index += 1) budget.note();
  expect([budget.delayMs, budget.isSpent]).toEqual([0, false]);
  budget.note();
  expect([budget.delayMs, budget.isSpent]).toEqual([1000, false]);
  budget.note();
  budget.note();
  expect(budget.isSpent).toBe(true);
  budget.forgive();
  expect([budget.delayMs, budget.isSpent]).toEqual([0, false]);
});

test('above a hundred commands that do nothing each is an error', () => {
  const budget = new ErrorBudget(5);
  for (let index = 0; index < 104; index += 1) budget.noteJunk();
  expect(budget.isSpent).toBe(false);
  budget.noteJunk();
  expect(budget.isSpent).toBe(true);
});

test('counts commands as Postfix writes them', () => {
  const counts = new CommandCounts();
  counts.add('ehlo', false);
  counts.add('rcpt', false);
  counts.add('rcpt', true);

  expect(counts.format()).toBe('ehlo=1 rcpt=1/2 commands=2/3');
});

const zone: Readonly<Record<string, string[]>> = {
  '192.0.2.1': ['mail.client.test'],
  'mail.client.test': ['192.0.2.9', '192.0.2.1'],
  '192.0.2.2': ['mail.client.test'],
  '192.0.2.3': ['bad name\r\n'],
};
let questions = 0;
const dns = {
  async reverse(address: string): Promise<string[]> {
    questions += 1;
    return zone[address] ?? Promise.reject(new Error('ENOTFOUND'));
  },
  resolve: async (hostname: string): Promise<string[]> => zone[hostname] ?? [],
};

test.each([
  ['192.0.2.1', 'mail.client.test'],
  ['192.0.2.2', 'unknown'],
  ['192.0.2.3', 'unknown'],
  ['192.0.2.4', 'unknown'],
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost'],
])('the name of %s is %s', async (address, name) => {
  expect(await new ReverseNames(dns, () => 0).find(address)).toBe(name);
});

test('a name is asked for once in five minutes', async () => {
  let nowMs = 0;
  const names = new ReverseNames(dns, () => nowMs);
  questions = 0;

  await names.find('192.0.2.1');
  await names.find('192.0.2.1');
  expect(questions).toBe(1);
  nowMs = 300_001;
  await names.find('192.0.2.1');
  expect(questions).toBe(2);
});
