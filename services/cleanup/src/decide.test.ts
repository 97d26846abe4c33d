import type { FinalRecipient, Resolution } from '@railpost/config';
import {
  DeliveryJob,
  type IncomingRecord,
  type NextHop,
  type RecipientHistory,
  destinationOf,
} from '@railpost/contracts';
import {
  type ClientFacts,
  type EnvelopeRecipient,
  createEditApplier,
  decodeUtf8,
  encodeUtf8,
} from '@railpost/mail';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CleanupFacts, decideCleanup } from './decide.ts';

const mailboxHop: NextHop = { transport: 'mailbox', domain: 'example.test' };
const partnerHop: NextHop = { transport: 'smtp', hosts: [{ host: '127.0.0.1', port: 2526 }] };
const outsideHop: NextHop = { transport: 'smtp', mx: 'outside.test' };

/** What the resolver would say: our domain goes to mailboxes, the partner to its host, others to their MX. */
function final(address: string): FinalRecipient {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  const hops: Record<string, NextHop> = { 'example.test': mailboxHop, 'partner.test': partnerHop };
  const nextHop = hops[domain] ?? outsideHop;
  return {
    address,
    nextHop,
    destination: destinationOf(nextHop),
    tls: undefined,
    mailDomain: domain === 'outside.test' ? undefined : domain,
    rule: 'test',
  };
}

function resolvesTo(...addresses: string[]): Resolution {
  return { finals: addresses.map(final), steps: [] };
}

const clients = {
  mx: { role: 'MX' },
  submission: { role: 'Submission', login: 'alice@example.test' },
  internal: { role: 'Internal' },
  local: { role: 'Local' },
} as const satisfies Record<string, Pick<ClientFacts, 'role'> & { login?: string }>;

interface Given {
  readonly client?: keyof typeof clients;
  readonly content?: string;
  readonly headerBytes?: number;
  readonly reversePath?: string;
  readonly recipients?: readonly EnvelopeRecipient[];
  readonly resolutions?: readonly Resolution[];
  readonly hold?: boolean;
  readonly history?: RecipientHistory[];
  readonly recipientsPerDelivery?: number;
}

function decide(given: Given) {
  const content = encodeUtf8(given.content ?? 'Subject: x\r\n\r\nbody\r\n');
  const headerBytes = given.headerBytes ?? content.length;
  const record: IncomingRecord = {
    version: 1,
    envelope: {
      version: 1,
      queueId: '0B1bkYzzVzCNpZPQ',
      reversePath: given.reversePath ?? 'sender@outside.test',
      recipients: [...(given.recipients ?? [{ address: 'alice@example.test' }])],
      smtputf8: false,
      client: {
        listener: 'mx',
        address: '192.0.2.1',
        port: 1,
        name: 'unknown',
        helo: 'x',
        protocol: 'ESMTP',
        ...clients[given.client ?? 'mx'],
      },
      receivedAt: '2026-11-21T06:05:04.000Z',
      ...(given.hold === undefined ? {} : { hold: given.hold }),
    },
    body: { key: 'k', offset: 0, bytes: content.length, headerBytes, sha256: '0'.repeat(64) },
    attempt: 0,
    headerInline: true,
    ...(given.history === undefined ? {} : { history: given.history }),
  };
  const facts: CleanupFacts = {
    headerSection: content.subarray(0, headerBytes),
    resolutions: given.resolutions ?? record.envelope.recipients.map((each) => resolvesTo(each.address)),
    // Only the fields that the decision reads.
    platform: {
      hostname: 'mail.example.test',
      origin: 'origin.test',
      delivery: { recipientsPerDelivery: given.recipientsPerDelivery ?? 50 },
    } as CleanupFacts['platform'],
    incomingSequence: 7,
    sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
  };
  return { decision: decideCleanup(record, facts), content };
}

function jobsOf(given: Given): readonly DeliveryJob[] {
  const { decision } = decide(given);
  return decision.kind === 'enqueue' ? decision.jobs : [];
}

/** The content as the agent of the first job would send it. */
function sent(given: Given): string {
  const { content } = decide(given);
  const applier = createEditApplier(jobsOf(given)[0]?.edits ?? []);
  return [...applier.push(content), ...applier.finish()].map(decodeUtf8).join('');
}

const id = 'Message-Id: <20261121060504.0B1bkYzzVzCNpZPQ@mail.example.test>\r\n';
const date = 'Date: Sat, 21 Nov 2026 06:05:04 +0000 (UTC)\r\n';
const from = 'From: sender@outside.test\r\n';
const noTo = 'To: undisclosed-recipients:;\r\n';
const whole = 'Message-ID: <1@x>\r\nDate: y\r\nFrom: a@b.test\r\nTo: c@d.test\r\n';
const relayed = { recipients: [{ address: 'bob@partner.test' }] };

describe('header section', () => {
  test.each<[string, Given, string]>([
    [
      'mail from outside is not touched',
      { content: 'Subject: x\r\nTo: a\r\nBcc: b\r\n\r\nbody' },
      'Subject: x\r\nTo: a\r\nBcc: b\r\n\r\nbody',
    ],
    ['mail from outside without any header is not touched', { content: '\r\nbody' }, '\r\nbody'],
    ['an empty message is not touched', { content: '' }, ''],
    [
      'our own reports are not touched',
      { client: 'local', content: 'garbage\r\n', ...relayed },
      'garbage\r\n',
    ],
    [
      'a complete submission is not touched',
      { client: 'submission', content: `${whole}\r\nbody` },
      `${whole}\r\nbody`,
    ],
    [
      'missing fields are added behind the others',
      { client: 'submission', content: 'Subject: x\r\n\r\nbody' },
      `Subject: x\r\n${id}${date}${from}${noTo}\r\nbody`,
    ],
    [
      'an Internal listener completes too',
      { client: 'internal', content: 'Subject: x\r\n\r\nbody' },
      `Subject: x\r\n${id}${date}${from}${noTo}\r\nbody`,
    ],
    [
      'an empty submission gets a header',
      { client: 'submission', content: '' },
      `${id}${date}${from}${noTo}`,
    ],
    [
      'a submission of a body only gets a header',
      { client: 'submission', content: '\r\nbody' },
      `${id}${date}${from}${noTo}\r\nbody`,
    ],
    ['header only, without empty line, stays header only', { client: 'submission', content: whole }, whole],
    [
      'a header that breaks off is closed before fields are added',
      { client: 'submission', content: 'Subject: x' },
      `Subject: x\r\n${id}${date}${from}${noTo}`,
    ],
    [
      'empty fields count as present',
      { client: 'submission', content: 'Message-Id:\r\nDate:\r\nFrom:\r\nTo:\r\n\r\n' },
      'Message-Id:\r\nDate:\r\nFrom:\r\nTo:\r\n\r\n',
    ],
    [
      'Cc is a visible recipient',
      { client: 'submission', content: 'Cc: a@b.test\r\n\r\n' },
      `Cc: a@b.test\r\n${id}${date}${from}\r\n`,
    ],
    [
      'Bcc is none, and is dropped with its continuation',
      { client: 'submission', content: `Bcc: a@b.test,\r\n c@d.test\r\nSubject: x\r\n\r\n` },
      `Subject: x\r\n${id}${date}${from}${noTo}\r\n`,
    ],
    [
      'Resent-Bcc is dropped, and makes the message a resent one',
      { client: 'submission', content: `Resent-Bcc: s@x.test\r\n${whole}\r\n` },
      `${whole}Resent-${id}Resent-${date}Resent-${from}\r\n`,
    ],
    [
      'a resent message gets Resent- fields',
      { client: 'submission', content: 'Resent-To: a@b.test\r\n\r\n' },
      `Resent-To: a@b.test\r\nResent-${id}Resent-${date}Resent-${from}\r\n`,
    ],
    [
      'a null reverse-path makes From MAILER-DAEMON',
      {
        client: 'internal',
        reversePath: '',
        content: `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\n\r\n`,
      },
      `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\nFrom: MAILER-DAEMON\r\n\r\n`,
    ],
    [
      'an incomplete reverse-path is completed for From',
      {
        client: 'internal',
        reversePath: 'root',
        content: `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\n\r\n`,
      },
      `Message-ID: <1@x>\r\nDate: y\r\nTo: a@b.test\r\nFrom: root@origin.test\r\n\r\n`,
    ],
    [
      'addresses get the origin, all else stays as written',
      { client: 'submission', content: `${whole}Cc: Joe <joe>, "a, b" <x@y.test>,\r\n\tann (Ann)\r\n\r\n` },
      `${whole}Cc: Joe <joe@origin.test>, "a, b" <x@y.test>,\r\n\tann@origin.test (Ann)\r\n\r\n`,
    ],
    [
      'a bang path is swapped, a trailing dot goes',
      { client: 'submission', content: `${whole}Cc: host!joe, a@b.test., h!k!l\r\n\r\n` },
      `${whole}Cc: joe@host, a@b.test, k!l@h\r\n\r\n`,
    ],
    [
      'a host without domain stays (append_dot_mydomain = no)',
      { client: 'submission', content: `${whole}Cc: a@host\r\n\r\n` },
      `${whole}Cc: a@host\r\n\r\n`,
    ],
    [
      'members of a group are completed',
      { client: 'submission', content: `${whole}Reply-To: F: a, b@c.test;\r\n\r\n` },
      `${whole}Reply-To: F: a@origin.test, b@c.test;\r\n\r\n`,
    ],
    [
      'a phrase without address stays',
      { client: 'submission', content: `${whole}Sender: John Doe\r\n\r\n` },
      `${whole}Sender: John Doe\r\n\r\n`,
    ],
    [
      'fields that hold no addresses stay',
      { client: 'submission', content: `${whole}Delivered-To: a\r\nX-To: b\r\n\r\n`, ...relayed },
      `${whole}Delivered-To: a\r\nX-To: b\r\n\r\n`,
    ],
    [
      'octets beyond ASCII survive next to a completed address',
      { client: 'submission', content: `${whole}Cc: J\u00f6rg <joerg>\r\n\r\n` },
      `${whole}Cc: J\u00f6rg <joerg@origin.test>\r\n\r\n`,
    ],
    [
      'Return-Path goes on the way to a mailbox',
      { content: 'Return-Path: <a@b.test>\r\nSubject: x\r\nReturn-path:\r\n <c>\r\n\r\nb' },
      'Subject: x\r\n\r\nb',
    ],
    [
      'Return-Path stays on the way to another host',
      { content: 'Return-Path: <a@b.test>\r\n\r\nb', ...relayed },
      'Return-Path: <a@b.test>\r\n\r\nb',
    ],
    [
      'a line that is no header gets an empty line before it',
      { content: 'Received: x\r\ngarbage\r\nmore' },
      'Received: x\r\n\r\ngarbage\r\nmore',
    ],
    [
      'also when the record ends the header section there',
      { content: 'Received: x\r\ngarbage\r\nmore', headerBytes: 13 },
      'Received: x\r\n\r\ngarbage\r\nmore',
    ],
    [
      'and added fields stand before it',
      { client: 'submission', content: 'To: a@b.test\r\ngarbage' },
      `To: a@b.test\r\n${id}${date}${from}\r\ngarbage`,
    ],
  ])('%s', (_, given, expected) => {
    expect(sent(given)).toBe(expected);
  });

  test.each<[string, Given, string]>([
    ['the one in the message', { content: 'Message-ID:\r\n <1@x>\r\n\r\n' }, '<1@x>'],
    [
      'the one that was added',
      { client: 'submission' },
      '<20261121060504.0B1bkYzzVzCNpZPQ@mail.example.test>',
    ],
    ['none in foreign mail without one', {}, '<>'],
    [
      'none when only a Resent-Message-Id was added',
      { client: 'submission', content: 'Resent-To: a@b.test\r\n\r\n' },
      '<>',
    ],
  ])('the logged message id is %s', (_, given, expected) => {
    expect(decide(given).decision).toMatchObject({ messageId: expected });
    expect(jobsOf(given)[0]?.messageId).toBe(expected);
  });
});

/** Jobs in short: destination and `orig:final/n` of each recipient. */
function inShort(given: Given): string[] {
  return jobsOf(given).map((job) => {
    const recipients = job.recipients.map(
      (each) => `${each.orig}:${each.final}/${each.n}${each.isHeld === true ? ' held' : ''}`,
    );
    return `${job.destination} ${recipients.join(' ')}`;
  });
}

function to(...addresses: string[]): Pick<Given, 'recipients'> {
  return { recipients: addresses.map((address) => ({ address })) };
}

const alice = 'alice@example.test';
const bob = 'bob@example.test';
const carol = 'carol@partner.test';

describe('recipients', () => {
  test.each<[string, Given, string[]]>([
    ['one recipient is one job', to(alice), [`mailbox:example.test 0:${alice}/1`]],
    [
      'recipients of one next hop share a job',
      to(alice, bob),
      [`mailbox:example.test 0:${alice}/1 1:${bob}/1`],
    ],
    [
      'recipients of different next hops do not',
      to(alice, carol, bob),
      [`mailbox:example.test 0:${alice}/1 2:${bob}/1`, `smtp:[127.0.0.1]:2526 1:${carol}/1`],
    ],
    [
      'an alias becomes its finals',
      { ...to('team@example.test'), resolutions: [resolvesTo(alice, carol)] },
      [`mailbox:example.test 0:${alice}/2`, `smtp:[127.0.0.1]:2526 0:${carol}/2`],
    ],
    [
      'a final stands once per original, in any case',
      { ...to('team@example.test'), resolutions: [resolvesTo(alice, 'ALICE@example.test', bob)] },
      [`mailbox:example.test 0:${alice}/2 0:${bob}/2`],
    ],
    [
      'two originals with one final get it twice, as in Postfix',
      { ...to(alice, 'team@example.test'), resolutions: [resolvesTo(alice), resolvesTo(alice, bob)] },
      [`mailbox:example.test 0:${alice}/1 1:${alice}/2 1:${bob}/2`],
    ],
    [
      'a repeated original is owed nothing, and completes',
      to(alice, 'ALICE@example.test'),
      [`mailbox:example.test 0:${alice}/1`, 'discard: 1:ALICE@example.test/1'],
    ],
    [
      'with other DSN parameters it is no repetition',
      { recipients: [{ address: alice }, { address: alice, notify: ['NEVER'] }] },
      [`mailbox:example.test 0:${alice}/1 1:${alice}/1`],
    ],
    [
      'with another ORCPT neither',
      { recipients: [{ address: alice }, { address: alice, orcpt: 'rfc822;a' }] },
      [`mailbox:example.test 0:${alice}/1 1:${alice}/1`],
    ],
    [
      'a job holds no more recipients than allowed',
      { ...to('a@example.test', 'b@example.test', 'c@example.test'), recipientsPerDelivery: 2 },
      [
        'mailbox:example.test 0:a@example.test/1 1:b@example.test/1',
        'mailbox:example.test 2:c@example.test/1',
      ],
    ],
    [
      'a loop ends in an error',
      { ...to(alice, bob), content: 'Delivered-To: ALICE@example.test\r\n\r\n' },
      [`error: 0:${alice}/1`, `mailbox:example.test 1:${bob}/1`],
    ],
    [
      'a loop is one for a mailbox only',
      { ...to(carol), content: `Delivered-To: ${carol}\r\n\r\n` },
      [`smtp:[127.0.0.1]:2526 0:${carol}/1`],
    ],
    [
      'a looping final of an alias leaves the others alone',
      {
        ...to('team@example.test'),
        resolutions: [resolvesTo(alice, bob)],
        content: `Delivered-To: <${alice}>\r\n\r\n`,
      },
      [`error: 0:${alice}/2`, `mailbox:example.test 0:${bob}/2`],
    ],
    [
      'a rejected recipient is a job for error:',
      {
        ...to(alice),
        resolutions: [
          {
            finals: [{ ...final(alice), nextHop: { transport: 'error', code: '5.1.6', text: 'moved' } }],
            steps: [],
          },
        ],
      },
      [`error: 0:${alice}/1`],
    ],
    [
      'a held message is held for all',
      { ...to(alice, carol), hold: true },
      [`mailbox:example.test 0:${alice}/1 held`, `smtp:[127.0.0.1]:2526 1:${carol}/1 held`],
    ],
    [
      'a held recipient waits in a job of its own',
      { ...to(alice, bob), history: [{ orig: 1, done: [], isHeld: true }] },
      [`mailbox:example.test 0:${alice}/1`, `mailbox:example.test 1:${bob}/1 held`],
    ],
    [
      'what recovery found done is dropped, the rest is a run of its own',
      {
        ...to('team@example.test', bob),
        resolutions: [resolvesTo(alice, carol), resolvesTo(bob)],
        history: [{ orig: 0, done: [alice], isHeld: false }],
      },
      [`smtp:[127.0.0.1]:2526 0:${carol}/1`, `mailbox:example.test 1:${bob}/1`],
    ],
    [
      'an original with nothing left completes by discard:',
      {
        ...to('team@example.test'),
        resolutions: [resolvesTo(alice)],
        history: [{ orig: 0, done: [alice], isHeld: false }],
      },
      ['discard: 0:team@example.test/1'],
    ],
    [
      'a next hop with and without mail domain are different jobs',
      {
        ...to(alice, bob),
        resolutions: [resolvesTo(alice), { finals: [{ ...final(bob), mailDomain: undefined }], steps: [] }],
      },
      [`mailbox:example.test 0:${alice}/1`, `mailbox:example.test 1:${bob}/1`],
    ],
    [
      'a null reverse-path is nothing special',
      { ...to(alice), reversePath: '' },
      [`mailbox:example.test 0:${alice}/1`],
    ],
  ])('%s', (_, given, expected) => {
    expect(inShort(given)).toEqual(expected);
  });

  test('DSN parameters, original address and envelope go into the job', () => {
    const recipients: EnvelopeRecipient[] = [
      { address: 'Team@example.test', notify: ['DELAY'], orcpt: 'rfc822;t' },
    ];

    const [job] = jobsOf({ recipients, resolutions: [resolvesTo(alice)], reversePath: 'host!root' });

    expect(job).toMatchObject({
      queueId: '0B1bkYzzVzCNpZPQ',
      reversePath: 'root@host',
      mailDomain: 'example.test',
      incomingSequence: 7,
      recipients: [{ original: 'Team@example.test', final: alice, notify: ['DELAY'], orcpt: 'rfc822;t' }],
    });
    expect(job?.jobId).toMatch(/^[0-9a-f]{32}$/);
    expect(job?.recipients[0]?.run).toMatch(/^[0-9a-f]{12}$/);
    expect(DeliveryJob.parse(job)).toEqual(job);
  });

  test('no recipients or no date are for a human', () => {
    expect(decide({ recipients: [] }).decision).toEqual({ kind: 'corrupt', reason: 'no recipients' });
  });

  test('a missing or empty resolution is a bug, not a decision', () => {
    expect(() => decide({ resolutions: [] })).toThrow(RangeError);
    expect(() => decide({ resolutions: [{ finals: [], steps: [] }] })).toThrow(RangeError);
  });
});

const anyMessage = fc.record({
  recipients: fc.array(fc.constantFrom(alice, bob, carol, 'ALICE@example.test', 'x@outside.test'), {
    minLength: 1,
    maxLength: 8,
  }),
  expansions: fc.array(
    fc.array(fc.constantFrom(alice, bob, carol, 'y@outside.test'), { minLength: 1, maxLength: 4 }),
    { minLength: 8, maxLength: 8 },
  ),
  recipientsPerDelivery: fc.integer({ min: 1, max: 4 }),
});

function givenOf(message: {
  recipients: string[];
  expansions: string[][];
  recipientsPerDelivery: number;
}): Given {
  return {
    ...to(...message.recipients),
    resolutions: message.recipients.map((_, index) => resolvesTo(...(message.expansions[index] ?? [alice]))),
    recipientsPerDelivery: message.recipientsPerDelivery,
  };
}

test('every original completes: for its run exactly n different finals stand in the jobs', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const recipients = jobsOf(givenOf(message)).flatMap((job) => job.recipients);
      for (const orig of message.recipients.keys()) {
        const own = recipients.filter((each) => each.orig === orig);
        expect(own.length).toBeGreaterThan(0);
        expect(new Set(own.map((each) => each.run)).size).toBe(1);
        expect(new Set(own.map((each) => each.final)).size).toBe(own[0]?.n);
        expect(own).toHaveLength(own[0]?.n ?? 0);
      }
    }),
  );
});

test('the same record makes the same jobs, and different jobs have different ids', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const jobs = jobsOf(givenOf(message));
      expect(jobsOf(givenOf(message))).toEqual(jobs);
      expect(new Set(jobs.map((job) => job.jobId)).size).toBe(jobs.length);
    }),
  );
});

test('edits are in order, do not overlap and lie inside of the header section, whatever it holds', () => {
  const piece = fc.constantFrom(
    'To',
    'Bcc',
    'From',
    ':',
    ' ',
    '\r\n',
    '\n',
    'a',
    'b!c',
    '@',
    '<',
    '>',
    ',',
    '"',
    '(',
    '.',
    '\u00e9',
    '\u0000',
  );
  fc.assert(
    fc.property(
      fc.string({ unit: piece, maxLength: 40 }),
      fc.constantFrom<'mx' | 'submission'>('mx', 'submission'),
      (content, client) => {
        const given = { content, client };
        for (const job of jobsOf(given)) {
          let end = 0;
          for (const edit of job.edits) {
            expect(edit.at).toBeGreaterThanOrEqual(end);
            end = edit.at + edit.remove;
            expect(end).toBeLessThanOrEqual(encodeUtf8(content).length);
          }
        }
        expect(sent(given).endsWith(content.slice(content.indexOf('\r\n\r\n') + 1 || content.length))).toBe(
          true,
        );
      },
    ),
    { numRuns: 2_000 },
  );
});
