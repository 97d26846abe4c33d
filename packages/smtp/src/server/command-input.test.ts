/** Lines out of packets: line ends, limits, discarding. */
import { expect, test } from 'vitest';
import { CommandInput } from './command-input.ts';

const limit = 16;

function linesOf(packets: readonly string[]): string[] {
  const input = new CommandInput();
  const lines: string[] = [];
  for (const packet of packets) {
    input.push(Buffer.from(packet, 'latin1'));
    for (let result = input.nextLine(limit); result.kind !== 'none'; result = input.nextLine(limit)) {
      lines.push(result.kind === 'line' ? Buffer.from(result.line).toString('latin1') : '(too long)');
    }
  }
  return lines;
}

test.each<[string, string[], string[]]>([
  ['CRLF', ['a\r\nb\r\n'], ['a', 'b']],
  ['LF', ['a\nb\n'], ['a', 'b']],
  ['an empty line', ['\r\n'], ['']],
  ['a CR inside', ['a\rb\r\n'], ['a\rb']],
  ['a line in pieces', ['a', 'b', '\r', '\n'], ['ab']],
  ['a line without end', ['abc'], []],
  ['exactly the limit', [`${'x'.repeat(14)}\r\n`], ['x'.repeat(14)]],
  ['one octet more', [`${'x'.repeat(15)}\r\nb\r\n`], ['(too long)', 'b']],
  ['one octet more, in pieces', [...`${'x'.repeat(15)}\r\nb\r\n`], ['(too long)', 'b']],
  ['a line of many packets', [...Array<string>(100).fill('y'.repeat(50)), '\r\nb\r\n'], ['(too long)', 'b']],
])('finds lines: %s', (_, packets, lines) => {
  expect(linesOf(packets)).toEqual(lines);
});

test('a line above the limit holds no memory while it comes', () => {
  const input = new CommandInput();
  for (let index = 0; index < 10; index += 1) {
    input.push(Buffer.alloc(100, 'x'));
    expect(input.nextLine(limit).kind).toBe('none');
    expect(input.isEmpty).toBe(true);
  }
});

test('gives content back in front of what came since', () => {
  const input = new CommandInput();
  input.push(Buffer.from('contentNO'));
  const all = input.takeAll();
  input.push(Buffer.from('OP\r\n'));
  input.giveBack(all.subarray(7));

  const result = input.nextLine(limit);

  expect(result.kind === 'line' && Buffer.from(result.line).toString()).toBe('NOOP');
});

test('forgets everything when told to', () => {
  const input = new CommandInput();
  input.push(Buffer.from('NOOP\r\n'));
  input.clear();

  expect(input.isEmpty).toBe(true);
  expect(input.nextLine(limit).kind).toBe('none');
});
