import type { Resolution } from '@railpost/config';
import { DeliveryJob } from '@railpost/contracts';
import type { EnvelopeRecipient } from '@railpost/mail';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Given, decide, final, jobsOf, resolvesTo } from '../test/given.ts';

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
    ['mailbox:example.test 0:a@example.test/1 1:b@example.test/1', 'mailbox:example.test 2:c@example.test/1'],
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
    'an original that recovery found complete makes no job, whatever it expands to today',
    {
      ...to('team@example.test', carol),
      resolutions: [resolvesTo(alice, bob), resolvesTo(carol)],
      history: [{ orig: 0, done: [alice], isHeld: false, isComplete: true }],
    },
    [`smtp:[127.0.0.1]:2526 1:${carol}/1`],
  ],
  [
    'a repetition of an original that is complete is owed nothing',
    { ...to(alice, alice), history: [{ orig: 0, done: [], isHeld: false, isComplete: true }] },
    [`discard: 1:${alice}/1`],
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

/** Of each final: what it is to be told of, with `!` where the expansion is to be reported. */
function wishes(given: Given): string[] {
  return jobsOf(given)
    .flatMap((job) => job.recipients)
    .map(({ orig, final: address, notify, isExpansionReportDue }) => {
      const asked = (notify ?? ['-']).join(',');
      return `${orig}:${address} ${asked}${isExpansionReportDue === true ? '!' : ''}`;
    });
}

function expandsTo(...addresses: string[]): Resolution {
  const { finals } = resolvesTo(...addresses);
  return { finals, steps: [{ from: 'team@example.test', to: addresses, rule: 'AliasMap roles' }] };
}

test.each<[string, Partial<EnvelopeRecipient>, Given, string[]]>([
  ['without an alias nothing changes', { notify: ['SUCCESS'] }, {}, ['0:team@example.test SUCCESS']],
  [
    'behind an alias success is reported as expanded, once, and of no final',
    { notify: ['SUCCESS'] },
    { resolutions: [expandsTo(alice, carol)] },
    [`0:${alice} NEVER!`, `0:${carol} NEVER`],
  ],
  [
    'to one other address too, and the other wishes stay',
    { notify: ['SUCCESS', 'FAILURE', 'DELAY'] },
    { resolutions: [expandsTo(alice)] },
    [`0:${alice} FAILURE,DELAY!`],
  ],
  [
    'nobody who did not ask is told of an expansion',
    { notify: ['FAILURE'] },
    { resolutions: [expandsTo(alice, bob)] },
    [`0:${alice} FAILURE`, `0:${bob} FAILURE`],
  ],
  ['nor who said nothing', {}, { resolutions: [expandsTo(alice)] }, [`0:${alice} -`]],
  [
    'what recovery found partly done has been reported before',
    { notify: ['SUCCESS'] },
    { resolutions: [expandsTo(alice, bob)], history: [{ orig: 0, done: [alice], isHeld: false }] },
    [`0:${bob} NEVER`],
  ],
  [
    'an original with nothing left reports nothing',
    { notify: ['SUCCESS'] },
    { resolutions: [expandsTo(alice)], history: [{ orig: 0, done: [alice], isHeld: false }] },
    ['0:team@example.test NEVER'],
  ],
])('NOTIFY: %s', (_, asked, given, expected) => {
  const recipients = [{ address: 'team@example.test', ...asked }];

  expect(wishes({ ...given, recipients })).toEqual(expected);
});

test('NOTIFY=SUCCESS of a repeated original is answered once', () => {
  const recipient: EnvelopeRecipient = { address: alice, notify: ['SUCCESS'] };

  expect(wishes({ recipients: [recipient, recipient] })).toEqual([`0:${alice} SUCCESS`, `1:${alice} NEVER`]);
});

test('no recipients or no date are for a human', () => {
  expect(decide({ recipients: [] }).decision).toEqual({ kind: 'corrupt', reason: 'no recipients' });
});

test('a missing or empty resolution is a bug, not a decision', () => {
  expect(() => decide({ resolutions: [] })).toThrow(RangeError);
  expect(() => decide({ resolutions: [{ finals: [], steps: [] }] })).toThrow(RangeError);
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
