/** Content on its way into the spool: limits, header section, hops. */
import type { BodyRef } from '@railpost/mail';
import type { RecordWriter } from '@railpost/spool';
import { describe, expect, test } from 'vitest';
import { MessageContent } from './content.ts';

const limits = {
  messageSizeBytes: 1000,
  recipients: 2,
  headerSizeBytes: 100,
  lineLengthBytes: 2048,
  errors: 20,
  connectionsPerClient: 0,
};

const trace = Buffer.from('Received: here\r\n');

/** A record in memory; `pressure` makes each write wait for the test. */
function openRecord(options: { readonly isFailing?: boolean; readonly isSlow?: boolean } = {}) {
  const written: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  let isAborted = false;
  const record: RecordWriter = {
    write(chunk) {
      written.push(chunk);
      if (options.isFailing === true) return Promise.reject(new Error('spool away'));
      return options.isSlow === true ? new Promise((resolve) => waiting.push(resolve)) : undefined;
    },
    commit: () => Promise.reject<BodyRef>(new Error('not in this test')),
    abort() {
      isAborted = true;
    },
  };
  return { record, waiting, text: () => Buffer.concat(written).toString(), isAborted: () => isAborted };
}

async function pass(content: MessageContent, packets: readonly string[]): Promise<string> {
  for (const packet of packets) await content.write(Buffer.from(packet));
  return Buffer.from(await content.finish()).toString();
}

test.each([
  ['Subject: x\r\n\r\nbody\r\n', 'Received: here\r\nSubject: x\r\n\r\n'],
  ['Subject: x\r\n', 'Received: here\r\nSubject: x\r\n'],
  ['\r\nbody\r\n', 'Received: here\r\n\r\n'],
  ['', 'Received: here\r\n'],
  ['no header\r\n', 'Received: here\r\n'],
])('%j has the header section %j, however it comes', async (wire, header) => {
  for (const packets of [[wire], [...wire]]) {
    const spool = openRecord();
    const content = new MessageContent(spool.record, trace, limits);

    expect(await pass(content, packets)).toBe(header);
    expect(content.failure).toBeUndefined();
    expect(spool.text()).toBe(`Received: here\r\n${wire}`);
  }
});

test.each([
  ['messageTooLarge', ['Subject: x\r\n\r\n', 'x'.repeat(990)]],
  ['headerTooLarge', [`Subject: ${'x'.repeat(100)}\r\n\r\n`]],
  ['headerTooLarge', ['Subject: x\r\n', ` ${'x'.repeat(50)}\r\n`, ` ${'x'.repeat(50)}\r\n`]],
])('refuses with %s, and drops what was stored', async (failure, packets) => {
  const spool = openRecord();
  const content = new MessageContent(spool.record, trace, limits);

  await pass(content, packets);

  expect(content.failure).toBe(failure);
  expect(spool.isAborted()).toBe(true);
});

describe.each([
  ['CRLF', '\r\n', '\r\n\r\nbody\r\n'],
  ['LF', '\n', '\n\nbody\n'],
  ['no body', '\r\n', '\r\n'],
])('a header section that ends with %s', (_, lineEnd, end) => {
  test.each([
    [100, undefined],
    [101, 'headerTooLarge'],
  ])('of %d octets ends as %s, the empty line not counted, however it comes', async (octets, failure) => {
    const wire = `Subject: ${'x'.repeat(octets - 'Subject: '.length - lineEnd.length)}${end}`;
    for (const packets of [[wire], [...wire]]) {
      const content = new MessageContent(openRecord().record, trace, limits);

      await pass(content, packets);

      expect(content.failure).toBe(failure);
    }
  });
});

test.each([
  [48, undefined],
  [49, 'tooManyHops'],
])('a message with %d Received fields of others ends as %s', async (hops, failure) => {
  const content = new MessageContent(openRecord().record, trace, { ...limits, headerSizeBytes: 5000 });

  await pass(content, [`${'Received: x\r\n'.repeat(hops)}\r\n`]);

  expect(content.failure).toBe(failure);
});

test('waits for a slow spool, octets stay in order', async () => {
  const spool = openRecord({ isSlow: true });
  const content = new MessageContent(spool.record, trace, limits);

  const first = content.write(Buffer.from('Subject: x\r\n\r\n'));
  expect(spool.text()).toBe('Received: here\r\n');
  spool.waiting.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  spool.waiting.shift()?.();
  await first;

  expect(spool.text()).toBe('Received: here\r\nSubject: x\r\n\r\n');
});

test('a spool that fails is 451 at the end of the data', async () => {
  const content = new MessageContent(openRecord({ isFailing: true }).record, trace, limits);

  await pass(content, ['Subject: x\r\n\r\n', 'body\r\n']);

  expect(content.failure).toBe('spoolUnavailable');
});
