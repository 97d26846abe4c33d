import { expect, it } from 'vitest';
import { toBusHeaders } from './publish-answer.ts';

it('makes headers of the form that NATS takes, for a client that asks for their octets', () => {
  const made = toBusHeaders({ 'Nats-Msg-Id': 'a b', 'Nats-TTL': '15s' });

  expect(String(made.encode())).toBe('NATS/1.0\r\nNats-Msg-Id: a b\r\nNats-TTL: 15s\r\n\r\n');
});

it.each(['a\r\nNats-Rollup: all', 'a\nb', 'a\r'])('refuses a value with a line end: %j', (value) => {
  expect(() => toBusHeaders({ 'Nats-Msg-Id': value })).toThrow(RangeError);
});
