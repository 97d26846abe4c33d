/** Replies cut out of chunks: every boundary, every bound. */
import { describe, expect, it } from 'vitest';
import { type ReplyEnd, ReplyStream } from './reply-stream.ts';

const wire = '220 a\r\n250-one\r\n250-SIZE 10\r\n250 PIPELINING\r\n354 go\n250\r\n';
const expected = [
  [220, ['a']],
  [250, ['one', 'SIZE 10', 'PIPELINING']],
  [354, ['go']],
  [250, ['']],
];

function drain(stream: ReplyStream): unknown[] {
  const replies: unknown[] = [];
  while (stream.hasUnread && stream.peek() !== undefined) {
    const next = stream.next();
    if ('code' in next) replies.push([next.code, next.lines]);
  }
  return replies;
}

describe('ReplyStream', () => {
  it('finds the same replies wherever the octets are split', () => {
    for (let first = 0; first <= wire.length; first += 1) {
      for (let second = first; second <= wire.length; second += 1) {
        const stream = new ReplyStream();
        stream.push(Buffer.from(wire.slice(0, first)));
        stream.push(Buffer.from(wire.slice(first, second)));
        stream.push(Buffer.from(wire.slice(second)));

        expect(drain(stream)).toEqual(expected);
      }
    }
  });

  it('hands a reply to whoever waits', async () => {
    const stream = new ReplyStream();
    const next = stream.next();
    stream.push(Buffer.from('421 4.3.2 bye\r\n'));

    expect(await next).toMatchObject({ code: 421, enhanced: '4.3.2', lines: ['bye'] });
  });

  it('gives replies that came before the end, then the end', () => {
    const stream = new ReplyStream();
    stream.push(Buffer.from('250 ok\r\n'));
    stream.end({ kind: 'closed' });

    expect(stream.next()).toMatchObject({ code: 250 });
    expect(stream.next()).toEqual({ kind: 'closed' });
  });

  it.each([
    ['no reply at all', 'HTTP/1.1 400 Bad Request\r\n'],
    ['an endless line', '220 '.padEnd(9000, 'x')],
    ['an endless line with an end', `${'220 '.padEnd(9000, 'x')}\r\n`],
    ['an endless reply', '250-xxxxxxxxxxxxxxxx\r\n'.repeat(20_000)],
    ['a flood of replies', '250 ok\r\n'.repeat(1000)],
    ['a code that changes', '250-a\r\n251 b\r\n'],
  ])('ends at %s', (_, octets) => {
    const stream = new ReplyStream();
    for (let at = 0; at < octets.length; at += 1000) stream.push(Buffer.from(octets.slice(at, at + 1000)));
    let last: unknown;
    for (let index = 0; index < 300 && stream.isEnded; index += 1) {
      const next = stream.next();
      last = next;
      if (!(next instanceof Promise) && !('code' in next)) break;
    }

    expect(last).toEqual({ kind: 'malformed' } satisfies ReplyEnd);
  });

  it('knows of octets that nobody asked for', () => {
    const stream = new ReplyStream();
    expect(stream.hasUnread).toBe(false);

    stream.push(Buffer.from('25'));
    expect(stream.hasUnread).toBe(true);
  });
});
