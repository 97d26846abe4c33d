/** Cases of the race: what the flags choose, and how many messages each takes. */
import { describe, expect, it } from 'vitest';
import { casesOf, titleOf } from './cases.ts';

const whole = {
  sizes: [5120, 102_400],
  kinds: ['kept', 'single'],
  sessions: [1, 50, 200],
  messages: 10_000,
} as const;

describe('casesOf', () => {
  it('makes every combination once', () => {
    const titles = casesOf(whole).map((each) => titleOf(each));

    expect(titles).toHaveLength(12);
    expect(new Set(titles).size).toBe(12);
    expect(titles).toContain('100 KB, one connection per message, 200 sessions');
  });

  it('gives slow cases fewer messages, and the main one all', () => {
    const messages = new Map(casesOf(whole).map((each) => [titleOf(each), each.messages]));

    expect(messages.get('5 KB, kept connections, 50 sessions')).toBe(10_000);
    expect(messages.get('5 KB, kept connections, 1 session')).toBe(1250);
    expect(messages.get('100 KB, one connection per message, 50 sessions')).toBe(1250);
  });
});
