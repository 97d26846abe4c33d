/** Content of DATA and BDAT: what ends data, what is changed, and that packet boundaries change nothing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ContentDecoder } from './content-decoder.ts';

interface Decoded {
  readonly content: string;
  /** What was left for commands; undefined when the data did not end. */
  readonly rest: string | undefined;
  readonly hasBareLineFeed: boolean;
}

function decode(packets: readonly string[], hasDots = true): Decoded {
  const decoder = new ContentDecoder(hasDots);
  let content = '';
  for (const [index, packet] of packets.entries()) {
    const bytes = Buffer.from(packet, 'latin1');
    const { slices, consumedBytes, isEnd } = decoder.decode(bytes);
    content += slices.map((slice) => Buffer.from(slice).toString('latin1')).join('');
    if (isEnd) {
      const rest = [packet.slice(consumedBytes), ...packets.slice(index + 1)].join('');
      return { content, rest, hasBareLineFeed: decoder.hasBareLineFeed };
    }
    expect(consumedBytes).toBe(bytes.length);
  }
  content += Buffer.from(decoder.finish() ?? '').toString('latin1');
  return { content, rest: undefined, hasBareLineFeed: decoder.hasBareLineFeed };
}

/** Wire text -> stored content, as Postfix 3.11 stores it. The end of data is added. */
const messages: readonly [string, string, string][] = [
  ['nothing', '', ''],
  ['lines', 'a\r\nb\r\n', 'a\r\nb\r\n'],
  ['stuffed dots', '..\r\n..a\r\n...\r\n', '.\r\n.a\r\n..\r\n'],
  ['a dot that is stuffed by nobody', '.a\r\n', 'a\r\n'],
  ['dots inside of lines', 'a.b\r\nc.\r\n', 'a.b\r\nc.\r\n'],
  ['bare LF', 'a\nb\n\nc\r\n', 'a\r\nb\r\n\r\nc\r\n'],
  ['bare CR', 'a\rb\r\n', 'a b\r\n'],
  ['several CRs before LF', 'a\r\r\nb\r\r\r\n', 'a \r\nb  \r\n'],
  ['a dot between bare LFs', 'a\n.\nb\r\n', 'a\r\nb\r\n'],
  ['LF.CRLF', 'a\n.\r\nb\r\n', 'a\r\nb\r\n'],
  ['CRLF.LF', 'a\r\n.\nb\r\n', 'a\r\nb\r\n'],
  ['CRLF.CR', 'a\r\n.\rb\r\n', 'a\r\n b\r\n'],
  ['CRLF.CRCRLF', 'a\r\n.\r\r\nb\r\n', 'a\r\n \r\nb\r\n'],
  ['CR.CR', 'a\r.\rb\r\n', 'a . b\r\n'],
  ['NUL and 8-bit octets', 'a\0\xff\r\n', 'a\0\xff\r\n'],
  ['a stuffed dot after a bare LF', 'a\n..b\r\n', 'a\r\n.b\r\n'],
];

test.each(messages)('stores %s', (_, wire, content) => {
  const decoded = decode([`${wire}.\r\nQUIT\r\n`]);

  expect(decoded).toMatchObject({ content, rest: 'QUIT\r\n' });
});

test.each(messages)('stores %s however the packets are cut', (_, wire, content) => {
  const whole = `${wire}.\r\nQUIT\r\n`;
  for (let cut = 0; cut <= whole.length; cut += 1) {
    expect(decode([whole.slice(0, cut), whole.slice(cut)])).toMatchObject({ content, rest: 'QUIT\r\n' });
  }
  expect(decode([...whole])).toMatchObject({ content, rest: 'QUIT\r\n' });
});

test.each([
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r\n.\r',
  '\r\n.\r\r\n',
  '\0\r\n.\0\r\n',
  '\r\n.\r\0\n',
  '.\n',
  '.\r',
])('does not take %j for the end of data', (sequence) => {
  expect(decode([`x${sequence}MAIL FROM:<a@b>\r\n`]).rest).toBeUndefined();
});

test.each([
  ['a\r\nb\r\n', false],
  ['a\nb\r\n', true],
  ['a\r\n\nb\r\n', true],
  ['a\rb\r\n', false],
])('tells whether %j has a bare LF', (wire, expected) => {
  expect(decode([`${wire}.\r\n`]).hasBareLineFeed).toBe(expected);
});

test('leaves the dots of chunks alone and adds no line end', () => {
  expect(decode(['.\r\n..a\r\n', '.b'], false)).toMatchObject({ content: '.\r\n..a\r\n.b', rest: undefined });
});

test('makes a CR at the end of the last chunk a space', () => {
  expect(decode(['a\r'], false).content).toBe('a ');
  expect(decode(['a\r', '\nb'], false).content).toBe('a\r\nb');
});

test('passes a chunk without anything to change as it is, without a copy', () => {
  const chunk = Buffer.from('Subject: x\r\n\r\nbody .\r\nmore\r\nhalf a li');

  const { slices } = new ContentDecoder(true).decode(chunk);

  expect(slices).toHaveLength(1);
  expect(slices[0]).toBe(chunk);
});

test('packet boundaries never change what is stored (any octets)', () => {
  const wire = fc.array(fc.constantFrom('\r', '\n', '.', 'a', '\0', '\r\n', '\r\n.', '.\r\n'), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(wire, fc.array(fc.nat({ max: 60 }), { maxLength: 4 }), (parts, cuts) => {
      const whole = `${parts.join('')}\r\n.\r\nNOOP\r\n`;
      const sorted = [...cuts.map((cut) => cut % whole.length), 0, whole.length].sort((a, b) => a - b);
      const packets = sorted.slice(1).map((end, index) => whole.slice(sorted[index], end));

      expect(decode(packets)).toEqual(decode([whole]));
    }),
    { numRuns: 2000 },
  );
});

test('what is stored holds no bare CR and no bare LF', () => {
  const octets = fc.array(fc.constantFrom('\r', '\n', '.', 'a'), { maxLength: 40 });
  fc.assert(
    fc.property(octets, (parts) => {
      const { content } = decode([parts.join('')]);

      expect(content.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    }),
    { numRuns: 2000 },
  );
});

test('hostile octets cost linear time', () => {
  for (const octets of ['\n', '\r', '.', '\r\n..', '\n.']) {
    const chunk = Buffer.from(octets.repeat(65536 / octets.length));
    const decoder = new ContentDecoder(true);
    const startedAt = performance.now();
    for (let index = 0; index < 64; index += 1) decoder.decode(chunk);

    expect(performance.now() - startedAt).toBeLessThan(2000);
  }
});
