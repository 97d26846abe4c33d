/** The order of accepting: health, spool, publish, 250 (durability rules 1 and 2). */
import { StreamFullError } from '@railpost/bus';
import { busNames, decodeIncomingRecord } from '@railpost/contracts';
import type { BodyRef, Envelope } from '@railpost/mail';
import { type RecordWriter, SpoolUnavailableError } from '@railpost/spool';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AcceptContext, accept, publishDeadlineMs, whyNotNow } from './accept.ts';
import { MessageContent } from './content.ts';
import { Patience } from './patience.ts';
import type { StatusName } from './statuses.ts';

const body: BodyRef = { key: 'k', offset: 0, bytes: 1, headerBytes: 1, sha256: '' };
const queueId = '1kntH3JmNt4xt5Xw';
const envelope: Envelope = {
  version: 1,
  queueId,
  reversePath: '',
  recipients: [{ address: 'alice@example.test' }],
  smtputf8: false,
  client: {
    listener: 'mx',
    role: 'MX',
    address: '192.0.2.1',
    port: 1,
    name: 'unknown',
    helo: 'x',
    protocol: 'SMTP',
  },
  receivedAt: '2026-11-21T00:00:00.000Z',
};
const limits = {
  messageSizeBytes: 0,
  recipients: 2,
  headerSizeBytes: 1000,
  lineLengthBytes: 2048,
  errors: 20,
  connectionsPerClient: 0,
};

interface World {
  refusal?: StatusName;
  commit?: () => Promise<BodyRef>;
  publish?: () => Promise<{ sequence: number; isDuplicate: boolean; busSubject: string }>;
}

/** Everything around accept, each call noted in order. */
function worldOf(world: World = {}) {
  const calls: string[] = [];
  const payloads: Uint8Array[] = [];
  const record: RecordWriter = {
    write: () => undefined,
    async commit() {
      calls.push('commit');
      return world.commit === undefined ? body : world.commit();
    },
    abort: () => calls.push('abort'),
  };
  const context: AcceptContext = {
    bus: { names: busNames('rp') },
    intake: {
      refusal: () => world.refusal,
      countLate: (change) => calls.push(`late publishes ${change > 0 ? '+' : ''}${change}`),
    },
    segments: { begin: () => record, close: () => Promise.resolve() },
    incoming: {
      pending: 0,
      publish(subject, payload, options) {
        calls.push(`publish ${subject} ${options?.messageId}`);
        payloads.push(payload);
        return world.publish === undefined
          ? Promise.resolve({ sequence: 1, isDuplicate: false, busSubject: '' })
          : world.publish();
      },
    },
    patience: new Patience(publishDeadlineMs),
    clock: { nowMs: () => 0, monotonicMs: () => 0 },
    crashPoint: (name) => calls.push(name),
    onLatePublish: () => calls.push('late'),
  };
  const content = new MessageContent(record, Buffer.from('Received: x\r\n'), limits);
  return { calls, payloads, context, run: () => accept(context, record, content, envelope) };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('spools, publishes, and only then accepts', async () => {
  const { run, calls, payloads } = worldOf();

  expect(await run()).toEqual({ kind: 'accepted' });
  expect(calls).toEqual([
    'ingress.before-put',
    'commit',
    'ingress.put-before-publish',
    `publish rp.in.${queueId} ${queueId}/0`,
    'ingress.published-before-250',
  ]);
  const { record, headerSection } = decodeIncomingRecord(payloads[0] ?? new Uint8Array(0));
  expect(record).toMatchObject({ envelope: { queueId }, body, attempt: 0, headerInline: true });
  expect(Buffer.from(headerSection ?? []).toString()).toBe('Received: x\r\n');
});

test('writes nothing during an outage', async () => {
  const { run, calls, context } = worldOf({ refusal: 'queueFull' });

  expect(whyNotNow(context)).toBe('queueFull');
  expect(await run()).toEqual({ kind: 'refused', status: 'queueFull' });
  expect(calls).toEqual(['abort']);
});

test('refuses when the record can never appear', async () => {
  const error = new SpoolUnavailableError('away', { effect: 'none' });
  const { run, calls } = worldOf({ commit: () => Promise.reject(error) });

  expect(await run()).toEqual({ kind: 'refused', status: 'spoolUnavailable' });
  expect(calls.some((call) => call.startsWith('publish'))).toBe(false);
});

test('says nothing when nobody can know whether the record appears', async () => {
  const error = new SpoolUnavailableError('closing', { effect: 'unknown' });

  expect(await worldOf({ commit: () => Promise.reject(error) }).run()).toEqual({ kind: 'silent' });
});

test('a bug in the spool is no reply of its own', async () => {
  const { run } = worldOf({ commit: () => Promise.reject(new TypeError('bug')) });

  await expect(run()).rejects.toThrow('bug');
});

test('accepts after five seconds without a PubAck: the spool holds the message', async () => {
  const { run, calls } = worldOf({ publish: () => new Promise(() => undefined) });

  const acceptance = run();
  await vi.advanceTimersByTimeAsync(4999);
  expect(calls).not.toContain('late');
  await vi.advanceTimersByTimeAsync(1);

  expect(await acceptance).toEqual({ kind: 'accepted' });
  expect(calls.slice(-3)).toEqual(['late', 'late publishes +1', 'ingress.published-before-250']);
});

test('a stream that filled up meanwhile is tried again, the client hears 250', async () => {
  let refusals = 2;
  const { run, calls } = worldOf({
    publish: () => {
      refusals -= 1;
      return refusals < 0
        ? Promise.resolve({ sequence: 1, isDuplicate: false, busSubject: '' })
        : Promise.reject(new StreamFullError('rp_INCOMING'));
    },
  });

  const acceptance = run();
  await vi.advanceTimersByTimeAsync(2000);

  expect(await acceptance).toEqual({ kind: 'accepted' });
  expect(calls.filter((call) => call.startsWith('publish'))).toHaveLength(3);
});
