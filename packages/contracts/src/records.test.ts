import { describe, expect, it } from 'vitest';
import {
  decodeFrame,
  decodeIncomingRecord,
  destinationOf,
  encodeFrame,
  encodeIncomingRecord,
  encodeIncomingText,
  formatDeferSummary,
  incomingRecordLimitBytes,
  isTerminal,
  jobIdentity,
  journalKey,
  parseDeferSummary,
  runIdentity,
} from './index.ts';
import type { NextHop } from './index.ts';

const record = {
  version: 1,
  envelope: {
    version: 1,
    queueId: '02DdX3yJ9kQz7wB1',
    reversePath: '',
    recipients: [{ address: 'bob@example.test' }],
    smtputf8: false,
    client: {
      listener: 'mx',
      role: 'MX',
      address: '192.0.2.7',
      port: 1,
      name: 'unknown',
      helo: 'a',
      protocol: 'SMTP',
    },
    receivedAt: '2026-11-21T16:40:00.123Z',
  },
  body: { key: 'segment/a', offset: 0, bytes: 4, headerBytes: 2, sha256: 'a'.repeat(64) },
  attempt: 0,
} as const;

describe('frame', () => {
  it('keeps octets that are not UTF-8', () => {
    const octets = new Uint8Array([0, 255, 13, 10, 128]);

    const frame = decodeFrame(encodeFrame({ a: 'ä' }, octets));

    expect(frame).toEqual({ head: { a: 'ä' }, octets });
  });

  it.each([[[]], [[0, 0, 0]], [[0, 0, 0, 9, 1]], [[255, 255, 255, 255]]])('refuses %j', (bytes) => {
    expect(() => decodeFrame(new Uint8Array(bytes))).toThrow(RangeError);
  });
});

describe('INCOMING record', () => {
  it('carries the header section inline when it is small', () => {
    const decoded = decodeIncomingRecord(
      encodeIncomingRecord(
        { ...record, envelope: { ...record.envelope, recipients: [...record.envelope.recipients] } },
        new Uint8Array([13, 10]),
      ),
    );

    expect(decoded.headerSection).toEqual(new Uint8Array([13, 10]));
  });

  it.each([2, incomingRecordLimitBytes])(
    'is the same from an envelope in JSON, %s octets of header',
    (bytes) => {
      const { body } = record;
      const envelope = { ...record.envelope, recipients: [...record.envelope.recipients] };
      const header = new Uint8Array(bytes).fill(65);

      expect(encodeIncomingText(JSON.stringify(envelope), body, header)).toEqual(
        encodeIncomingRecord({ version: 1, envelope, body, attempt: 0 }, header),
      );
    },
  );

  it('leaves a header section of 512 KiB in the spool', () => {
    const bytes = encodeIncomingRecord(
      { ...record, envelope: { ...record.envelope, recipients: [...record.envelope.recipients] } },
      new Uint8Array(incomingRecordLimitBytes),
    );

    expect(bytes.length).toBeLessThan(2000);
    expect(decodeIncomingRecord(bytes).headerSection).toBeUndefined();
  });
});

describe('destinationOf', () => {
  it.each<[NextHop, string]>([
    [{ transport: 'smtp', mx: 'a.test' }, 'smtp:a.test'],
    [{ transport: 'smtp', hosts: [{ host: '127.0.0.1', port: 2526 }] }, 'smtp:[127.0.0.1]:2526'],
    [{ transport: 'lmtp', host: 'dovecot', port: 24 }, 'lmtp:dovecot:24'],
    [{ transport: 'lmtp', path: '/run/lmtp' }, 'lmtp:unix:/run/lmtp'],
    [{ transport: 'mailbox', domain: 'a.test' }, 'mailbox:a.test'],
    [{ transport: 'error', code: '5.1.6', text: 'moved' }, 'error:'],
    [{ transport: 'discard' }, 'discard:'],
  ])('spells %j as Postfix would', (hop, destination) => {
    expect(destinationOf(hop)).toBe(destination);
  });
});

describe('identities', () => {
  const recipients = [{ orig: 0, original: 'a@x.test', final: 'b@x.test', run: 'r', n: 1 }];

  it('make the same job of the same decision and another of another', () => {
    const job = { queueId: 'q', nextHop: { transport: 'discard' } as const, recipients };

    expect(jobIdentity(job)).toBe(
      jobIdentity({
        ...job,
        recipients: [
          { ...recipients[0], orig: 0, original: 'other@x.test', final: 'b@x.test', run: 'r', n: 1 },
        ],
      }),
    );
    expect(jobIdentity(job)).not.toBe(jobIdentity({ ...job, queueId: 'p' }));
    expect(runIdentity(0, ['a'])).not.toBe(runIdentity(1, ['a']));
  });
});

describe('DEFER summary', () => {
  const parse = (value: string) => {
    const octets = Buffer.from(`${value}\r\n`);
    return parseDeferSummary(octets, 0, octets.length - 2);
  };

  it('survives the bus header', () => {
    const summary = {
      state: 'deferred',
      nextMs: 12,
      tries: 3,
      queueId: 'q',
      receivedAtMs: 4,
      transport: 'smtp',
    } as const;

    expect(parse(formatDeferSummary(summary))).toEqual(summary);
  });

  it('is read where it lies among other octets, numbers of any form included', () => {
    const octets = Buffer.from('Rp-Defer: 1 held -1 0 q 1.5 lmtp\r\nother: 1');
    const summary = {
      state: 'held',
      nextMs: -1,
      tries: 0,
      queueId: 'q',
      receivedAtMs: 1.5,
      transport: 'lmtp',
    };

    expect(parseDeferSummary(octets, 10, octets.indexOf('\r\n'))).toEqual(summary);
  });

  it.each(['', '2 deferred 1 2 q 3 smtp', '1 lost 1 2 q 3 smtp', '1 deferred 1', '1 deferred 1 2 q 3 '])(
    'reads %j as absent',
    (value) => {
      expect(parse(value)).toBeUndefined();
    },
  );
});

describe('journal', () => {
  it('counts held and released as not terminal', () => {
    expect([
      isTerminal('delivered'),
      isTerminal('held'),
      isTerminal('released'),
      isTerminal('dropped'),
    ]).toEqual([true, false, false, true]);
  });

  it('keys a recipient by queue id, original and final', () => {
    expect(journalKey({ queueId: 'q', orig: 1, final: 'a@b' })).toBe('q 1 a@b');
  });
});
