/** The table of replies. */
import { parseEnhancedStatus } from '@railpost/mail';
import { expect, test } from 'vitest';
import { ehloReply, reply, replyText, statuses } from './statuses.ts';

const withEnhanced = Object.entries(statuses).filter(([, { enhanced }]) => enhanced !== undefined);

test.each(withEnhanced)('%s: its codes agree', (_, { code, enhanced }) => {
  expect(parseEnhancedStatus(enhanced ?? '')?.class).toBe(Math.floor(code / 100));
});

test('fills in what stands in braces', () => {
  expect(reply('queued', { queueId: 'X' })).toBe('250 2.0.0 Ok: queued as X\r\n');
  expect(replyText('routeRefuses', { address: 'a@b', enhanced: '5.1.6', reason: 'moved' })).toBe(
    '550 5.1.6 <a@b>: Recipient address rejected: moved',
  );
});

test('what a client wrote cannot make a line of its own', () => {
  expect(reply('verified', { address: 'a\r\n250 b' })).toBe('252 2.0.0 a??250 b\r\n');
});

test('EHLO names the host first', () => {
  expect(ehloReply('mail.example.test', ['PIPELINING', 'SIZE 5'])).toBe(
    '250-mail.example.test\r\n250-PIPELINING\r\n250 SIZE 5\r\n',
  );
});
