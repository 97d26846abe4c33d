import type { DeferRecord, DeliveryOutcome, JobRecipient, RecipientOutcome } from '@railpost/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type SettleFacts,
  delayReportIndexes,
  settleDelayReport,
  settleDelivery,
  settleFailureReport,
  settleLate,
  settleSuccessReport,
} from './settle.ts';

const receivedAt = '2026-01-01T00:00:00.000Z';
const receivedAtMs = Date.parse(receivedAt);
const queue = {
  backoffMinimumMs: 300_000,
  backoffMaximumMs: 4_000_000,
  lifetimeMs: 432_000_000,
  bounceLifetimeMs: 432_000_000,
  delayWarningMs: 0,
};
const facts: SettleFacts = { nowMs: receivedAtMs + 1000, queue, isHeld: false };
const late: SettleFacts = { ...facts, nowMs: receivedAtMs + queue.lifetimeMs };

function recipient(final: string, over: Partial<JobRecipient> = {}): JobRecipient {
  return { orig: 0, original: final, final, run: 'r', n: 1, ...over };
}

function recordOf(
  recipients: readonly JobRecipient[],
  over: Partial<DeferRecord> = {},
  reversePath = 's@x.test',
): DeferRecord {
  return {
    version: 1,
    job: {
      version: 1,
      jobId: 'j',
      queueId: 'q',
      attempt: 0,
      nextHop: { transport: 'smtp', mx: 'x.test' },
      destination: 'smtp:x.test',
      reversePath,
      recipients: [...recipients],
      smtputf8: false,
      content: { key: 'k', offset: 0, bytes: 10, headerBytes: 5, sha256: '' },
      edits: [],
      client: { listener: 'mx', role: 'MX', address: '', port: 0, name: '', helo: '', protocol: 'SMTP' },
      messageId: '<m@x.test>',
      receivedAt,
      incomingSequence: 1,
    },
    state: 'active',
    tries: 0,
    nextMs: receivedAtMs,
    done: [],
    bouncing: [],
    outcomes: [],
    decidedAtMs: 0,
    suspendedMs: 0,
    lastFaultIsOurs: false,
    hasDelayWarning: false,
    ...over,
  };
}

function result(final: string, disposition: RecipientOutcome['disposition']): RecipientOutcome {
  const code = { delivered: '2.0.0', deferred: '4.4.1', bounced: '5.1.1' }[disposition];
  return { orig: 0, final, run: 'r', n: 1, disposition, status: { code, text: disposition }, relay: 'none' };
}

function outcomeOf(
  recipients: readonly RecipientOutcome[],
  over: Partial<DeliveryOutcome> = {},
): DeliveryOutcome {
  return {
    version: 1,
    jobId: 'j',
    queueId: 'q',
    destination: 'smtp:x.test',
    task: 'deliver',
    recipients: [...recipients],
    content: 'read',
    isOwnFault: false,
    isDestinationFault: false,
    ...over,
  };
}

describe('a delivery', () => {
  it('that succeeds is journalled and owes nothing more', () => {
    const settlement = settleDelivery(
      recordOf([recipient('a')]),
      outcomeOf([result('a', 'delivered')]),
      facts,
    );

    expect(settlement.entries).toEqual([
      { queueId: 'q', orig: 0, final: 'a', kind: 'delivered', run: 'r', n: 1 },
    ]);
    expect(settlement.next).toBeUndefined();
  });

  it('that is deferred waits for its backoff and journals nothing', () => {
    const settlement = settleDelivery(
      recordOf([recipient('a')]),
      outcomeOf([result('a', 'deferred')]),
      facts,
    );

    expect(settlement.entries).toEqual([]);
    expect(settlement.next).toMatchObject({ state: 'deferred', tries: 1, nextMs: facts.nowMs + 300_000 });
  });

  it('that fails owes a report before anything is journalled', () => {
    const settlement = settleDelivery(recordOf([recipient('a')]), outcomeOf([result('a', 'bounced')]), facts);

    expect(settlement.entries).toEqual([]);
    expect(settlement.next).toMatchObject({ state: 'bouncing', bouncing: [0], decidedAtMs: facts.nowMs });
  });

  it.each([
    ['the null reverse-path', recipient('a'), '', 'dropped'],
    ['NOTIFY=NEVER', recipient('a', { notify: ['NEVER'] }), 's@x.test', 'bounced'],
    ['NOTIFY=SUCCESS', recipient('a', { notify: ['SUCCESS'] }), 's@x.test', 'bounced'],
  ])('that fails for %s is journalled without a report', (_, given, reversePath, kind) => {
    const record = recordOf([given], {}, reversePath);

    const settlement = settleDelivery(record, outcomeOf([result('a', 'bounced')]), facts);

    expect(settlement.entries.map((each) => each.kind)).toEqual([kind]);
    expect(settlement.next).toBeUndefined();
  });

  it('with mixed results journals what is delivered, reports what failed and keeps what is deferred', () => {
    const record = recordOf([recipient('a'), recipient('b'), recipient('c')]);
    const outcome = outcomeOf([result('a', 'delivered'), result('b', 'bounced'), result('c', 'deferred')]);

    const { entries, next } = settleDelivery(record, outcome, facts);

    expect(entries.map((each) => each.final)).toEqual(['a']);
    expect(next).toMatchObject({ state: 'bouncing', done: [0], bouncing: [1] });
    expect(next?.outcomes.map((each) => each.final)).toEqual(['b', 'c']);
  });

  it('leaves recipients alone that were done before', () => {
    const record = recordOf([recipient('a'), recipient('b')], { done: [0] });
    const outcome = outcomeOf([result('a', 'bounced'), result('b', 'delivered')]);

    const { entries, next } = settleDelivery(record, outcome, facts);

    expect(entries.map((each) => each.final)).toEqual(['b']);
    expect(next).toBeUndefined();
  });

  it('that is deferred at the end of its lifetime is returned to sender', () => {
    const settlement = settleDelivery(recordOf([recipient('a')]), outcomeOf([result('a', 'deferred')]), late);

    expect(settlement.next?.state).toBe('bouncing');
    expect(settlement.next?.outcomes[0]?.disposition).toBe('bounced');
    expect(settlement.expired.map((each) => each.final)).toEqual(['a']);
  });

  it('that our own fault kept until the end of its lifetime is held with an alert, not returned', () => {
    const outcome = outcomeOf([result('a', 'deferred')], { isOwnFault: true });

    const settlement = settleDelivery(recordOf([recipient('a')]), outcome, late);

    expect(settlement.next?.state).toBe('held');
    expect(settlement.isHeldForOwnFault).toBe(true);
    expect(settlement.entries.map((each) => each.kind)).toEqual(['held']);
  });

  it('whose message was put on hold meanwhile is held', () => {
    const settlement = settleDelivery(recordOf([recipient('a')]), outcomeOf([result('a', 'deferred')]), {
      ...facts,
      isHeld: true,
    });

    expect(settlement.next?.state).toBe('held');
  });

  it('without a word on a recipient defers it', () => {
    const settlement = settleDelivery(recordOf([recipient('a')]), outcomeOf([]), facts);

    expect(settlement.next?.outcomes[0]?.status.code).toBe('4.3.0');
  });

  it('that is late owes one warning to those who want it', () => {
    const record = recordOf([recipient('a'), recipient('b', { notify: ['FAILURE'] })]);
    const outcome = outcomeOf([result('a', 'deferred'), result('b', 'deferred')]);
    const warned = { ...facts, queue: { ...queue, delayWarningMs: 500 } };

    const first = settleDelivery(record, outcome, warned);
    const second = settleDelivery({ ...record, hasDelayWarning: true }, outcome, warned);

    expect([first.isDelayReportDue, second.isDelayReportDue]).toEqual([true, false]);
    expect(first.next === undefined ? [] : delayReportIndexes(first.next)).toEqual([0]);
  });

  it('never loses a recipient: each is journalled, bouncing or open', () => {
    const dispositions = fc.constantFrom('delivered', 'deferred', 'bounced' as const);
    const list = fc.array(fc.record({ disposition: dispositions, wasDone: fc.boolean() }), {
      minLength: 1,
      maxLength: 50,
    });
    fc.assert(
      fc.property(list, fc.boolean(), fc.boolean(), fc.boolean(), (given, isOwnFault, isExpired, isNull) => {
        const recipients = given.map((_, index) => recipient(`r${index}`));
        const done = given.flatMap((each, index) => (each.wasDone ? [index] : []));
        const record = recordOf(recipients, { done }, isNull ? '' : 's@x.test');
        const outcome = outcomeOf(
          given.map((each, index) => result(`r${index}`, each.disposition)),
          { isOwnFault },
        );

        const { entries, next } = settleDelivery(record, outcome, isExpired ? late : facts);

        const journalled = new Set(entries.filter((each) => each.kind !== 'held').map((each) => each.final));
        for (const [index, each] of recipients.entries()) {
          const isClosed = done.includes(index) || journalled.has(each.final);
          const isOpen = next !== undefined && !next.done.includes(index);
          expect(isClosed).toBe(!isOpen);
        }
        for (const index of next?.bouncing ?? []) expect(next?.done).not.toContain(index);
      }),
    );
  });
});

describe('a failure report', () => {
  const bouncing = recordOf([recipient('a'), recipient('b')], {
    state: 'bouncing',
    bouncing: [0],
    tries: 2,
    decidedAtMs: 42,
    outcomes: [result('a', 'bounced'), result('b', 'deferred')],
  });

  it('that is spooled finishes its recipients and lets the others wait', () => {
    const { entries, next } = settleFailureReport(bouncing, outcomeOf([result('a', 'delivered')]), facts);

    expect(entries.map((each) => [each.final, each.kind])).toEqual([['a', 'bounced']]);
    expect(next).toMatchObject({ state: 'deferred', done: [0], bouncing: [], nextMs: facts.nowMs + 600_000 });
  });

  it('that could not be made stays owed and keeps the time that its queue id is made of', () => {
    const { entries, next } = settleFailureReport(bouncing, outcomeOf([result('a', 'deferred')]), facts);

    expect(entries).toEqual([]);
    expect(next).toMatchObject({ state: 'bouncing', decidedAtMs: 42, bouncing: [0] });
  });
});

describe('a report of success', () => {
  const asked = recordOf([recipient('a', { notify: ['SUCCESS'] }), recipient('b')]);
  const relayed: RecipientOutcome = { ...result('a', 'delivered'), successReport: 'relayed' };

  it('is written down before the journal and asked for when everything is delivered', () => {
    const settlement = settleDelivery(asked, outcomeOf([relayed, result('b', 'delivered')]), facts);

    expect(settlement.first).toMatchObject({
      state: 'active',
      done: [],
      reports: [relayed],
      reportsDecidedAtMs: facts.nowMs,
    });
    expect(settlement.entries.map((each) => each.kind)).toEqual(['delivered', 'delivered']);
    expect(settlement.next).toMatchObject({
      state: 'reporting',
      done: [0, 1],
      reports: [relayed],
      nextMs: facts.nowMs,
    });
  });

  it('goes out while other recipients wait, and leaves their schedule alone', () => {
    const { next, isSuccessReportDue } = settleDelivery(
      asked,
      outcomeOf([relayed, result('b', 'deferred')]),
      facts,
    );
    const after =
      next === undefined
        ? undefined
        : settleSuccessReport(next, outcomeOf([result('a', 'delivered')]), facts);

    expect(isSuccessReportDue).toBe(true);
    expect(next).toMatchObject({ state: 'deferred', reports: [relayed] });
    expect(after?.next).toEqual({ ...next, reports: [] });
  });

  it('waits for the report of failure of the same job', () => {
    const { next, isSuccessReportDue } = settleDelivery(
      asked,
      outcomeOf([relayed, result('b', 'bounced')]),
      facts,
    );
    const after =
      next === undefined
        ? undefined
        : settleFailureReport(next, outcomeOf([result('b', 'delivered')]), facts);

    expect([next?.state, isSuccessReportDue]).toEqual(['bouncing', false]);
    expect(after?.entries.map((each) => each.kind)).toEqual(['bounced']);
    expect(after?.next).toMatchObject({ state: 'reporting', reports: [relayed] });
  });

  it('is owed once, however often the outcome is told', () => {
    const record = { ...asked, reports: [relayed] };

    const { first, next } = settleDelivery(record, outcomeOf([relayed, result('b', 'delivered')]), facts);

    expect(first).toBeUndefined();
    expect(next?.reports).toEqual([relayed]);
  });

  it('ends the job when it is sent and is tried again when it is not', () => {
    const record = { ...asked, state: 'reporting' as const, done: [0, 1], reports: [relayed] };

    const sent = settleSuccessReport(record, outcomeOf([result('a', 'delivered')]), facts);
    const failed = settleSuccessReport(record, outcomeOf([result('a', 'deferred')]), facts);

    expect(sent.next).toBeUndefined();
    expect(failed.next).toMatchObject({ state: 'reporting', nextMs: facts.nowMs + queue.backoffMinimumMs });
  });
});

it('a delay report leaves the schedule as it is', () => {
  const record = recordOf([recipient('a')], { state: 'deferred', nextMs: 99, tries: 3 });

  const { next } = settleDelayReport(record, outcomeOf([result('a', 'delivered')]));

  expect(next).toEqual({ ...record, hasDelayWarning: true });
});

describe('a late outcome', () => {
  const told: RecipientOutcome = { ...result('a', 'delivered'), successReport: 'delivered' };

  it('makes its report of success due, before the journal knows of it', () => {
    const record = recordOf([recipient('a', { notify: ['SUCCESS'] }), recipient('b')], {
      state: 'deferred',
      nextMs: 99,
    });

    const settlement = settleLate(record, outcomeOf([told, result('b', 'bounced')]), facts.nowMs);
    const last = settleLate({ ...record, done: [1] }, outcomeOf([told]), facts.nowMs);

    expect(settlement.first).toMatchObject({ state: 'deferred', done: [], reports: [told] });
    expect(settlement.next).toMatchObject({ state: 'deferred', nextMs: 99, done: [0], reports: [told] });
    expect(settlement.isSuccessReportDue).toBe(true);
    expect(last.next).toMatchObject({ state: 'reporting', nextMs: facts.nowMs, reports: [told] });
  });

  it('does not tell of an expansion that an earlier attempt told of', () => {
    const expanded: RecipientOutcome = { ...told, successReport: 'expanded' };

    const first = settleLate(recordOf([recipient('a')]), outcomeOf([expanded]), facts.nowMs);
    const second = settleLate(recordOf([recipient('a')], { tries: 1 }), outcomeOf([expanded]), facts.nowMs);

    expect(first.next).toMatchObject({ state: 'reporting', reports: [expanded] });
    expect(second.next).toBeUndefined();
  });

  it('that tells of a success is journalled, everything else is overtaken', () => {
    const record = recordOf([recipient('a'), recipient('b')], { state: 'deferred' });
    const outcome = outcomeOf([result('a', 'delivered'), result('b', 'bounced')]);

    const { entries, next } = settleLate(record, outcome, facts.nowMs);

    expect(entries.map((each) => each.final)).toEqual(['a']);
    expect(next).toMatchObject({ state: 'deferred', done: [0] });
  });
});
