/** The start of a message, whole and in pieces. */
import { expect, test } from 'vitest';
import { LeadingLine } from './leading-line.ts';

function pass(packets: readonly string[]): string {
  const line = new LeadingLine();
  const slices = packets.flatMap((packet) => line.push(Buffer.from(packet)));
  return Buffer.concat([...slices, ...line.finish()]).toString();
}

test.each([
  ['Subject: x\r\n', 'Subject: x\r\n'],
  [' x\r\n', '\r\n x\r\n'],
  ['\tx\r\n', '\r\n\tx\r\n'],
  ['From a\r\nTo: b\r\n', 'X-Mailbox-Line: From a\r\nTo: b\r\n'],
  ['>>From a\r\n', 'X-Mailbox-Line: >>From a\r\n'],
  ['From: a\r\n', 'From: a\r\n'],
  ['Fro', 'Fro'],
  ['>', '>'],
  ['', ''],
  ['\r\n', '\r\n'],
  ['>'.repeat(100), '>'.repeat(100)],
])('%j goes on as %j', (content, expected) => {
  expect(pass([content])).toBe(expected);
  expect(pass([...content])).toBe(expected);
});
