/** The judgement: what counts as lost, and which death explains a duplicate. */
import { describe, expect, it } from 'vitest';
import type { Arrival } from './book.ts';
import type { Death } from './process-watch.ts';
import { type Facts, judge, judgeTotal } from './verdict.ts';

const recipient = 'n1@takes0.test';
const key = `1 ${recipient}`;
const offer = { number: 1, attempt: 1, recipients: [recipient], outcome: 'accepted', queueId: 'Q', atMs: 0 };
const accepted = { ...offer, outcome: 'accepted' as const };

function arrival(atMs: number, worker: Arrival['worker'], more: Partial<Arrival> = {}): Arrival {
  return {
    kind: 'delivered',
    number: 1,
    attempt: 1,
    recipient,
    atMs: 100_000 + atMs,
    worker,
    isIntact: true,
    ...more,
  };
}

function death(pid: number, atMs: number, isOrderly = false): Death {
  return { pid, name: 'delivery-smtp-0', atMs: 100_000 + atMs, cause: 'kill -9', isOrderly };
}

function facts(more: Partial<Facts>): Facts {
  const none = { arrivals: new Map(), deaths: [], outages: [], queued: new Set<string>(), kills: 0 };
  return { offers: [accepted], ...none, ...more };
}

function twice(more: Partial<Facts>): Facts {
  return facts({ arrivals: new Map([[key, [arrival(0, 7), arrival(9000, 8)]]]), ...more });
}

describe('a message that was accepted', () => {
  it('and arrived once is in order', () => {
    const { tally, wrong } = judge(facts({ arrivals: new Map([[key, [arrival(0, 7)]]]) }));

    expect(tally).toMatchObject({ accepted: 1, recipients: 1, deliveredOnce: 1, duplicates: 0, lost: 0 });
    expect(wrong).toEqual([]);
  });

  it('and did not arrive is lost', () => {
    const { tally, wrong } = judge(facts({}));

    expect(tally).toMatchObject({ lost: 1, queued: 0 });
    expect(wrong).toEqual([`LOST ${key}: Q, in no queue`]);
  });

  it('and is stuck in the queue is lost as well', () => {
    const { tally, wrong } = judge(facts({ queued: new Set([key]) }));

    expect(tally).toMatchObject({ lost: 1, queued: 1 });
    expect(wrong).toHaveLength(1);
  });

  it('and was returned although its far end takes everything is wrong', () => {
    const returned = arrival(0, 7, { kind: 'returned' });

    expect(judge(facts({ arrivals: new Map([[key, [returned]]]) })).wrong).toHaveLength(2);
  });

  it('and arrived with other octets is wrong', () => {
    const mangled = arrival(0, 7, { isIntact: false });

    expect(judge(facts({ arrivals: new Map([[key, [mangled]]]) })).wrong).toEqual([`MANGLED ${key}`]);
  });
});

describe('a message that was not accepted', () => {
  it('may arrive or not when the connection died before the reply', () => {
    const unknown = { ...accepted, outcome: 'unknown' as const };

    expect(judge(facts({ offers: [unknown] })).wrong).toEqual([]);
    expect(judge(facts({ offers: [unknown], arrivals: new Map([[key, [arrival(0, 7)]]]) })).wrong).toEqual(
      [],
    );
  });

  it('must never arrive when it was refused', () => {
    const refused = { ...accepted, outcome: 'refused' as const };

    expect(judge(facts({ offers: [refused], arrivals: new Map([[key, [arrival(0, 7)]]]) })).wrong).toEqual([
      'ARRIVED THOUGH REFUSED 1, attempt 1',
    ]);
  });
});

describe('a duplicate', () => {
  it('is explained by the death of the process that delivered first', () => {
    const { tally, wrong, explained } = judge(twice({ deaths: [death(7, 120)] }));

    expect(tally).toMatchObject({ deliveredOnce: 0, duplicates: 1 });
    expect(wrong).toEqual([]);
    expect(explained).toEqual([
      `${key}: delivery-smtp-0 (process 7) delivered it and died 120 ms later: kill -9`,
    ]);
  });

  it.each([
    ['nobody died', []],
    ['another process died', [death(8, 120)]],
    ['the process died only afterwards', [death(7, 20_000)]],
    ['the process died when the outcome must have been durable', [death(7, 8000)]],
    ['the process was told to stop and drained', [death(7, 120, true)]],
  ])('is wrong when %s', (_, deaths) => {
    const { tally, wrong } = judge(twice({ deaths }));

    expect(tally.duplicates).toBe(1);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain('DUPLICATE WITHOUT FAULT');
  });

  it('by a process that had died before it could be told is explained by the death of an agent in that moment', () => {
    const arrivals = new Map([[key, [arrival(0, 'untold'), arrival(9000, 8)]]]);

    expect(judge(facts({ arrivals, deaths: [death(7, 20)] })).wrong).toEqual([]);
    expect(judge(facts({ arrivals, deaths: [death(7, 4000)] })).wrong).toHaveLength(1);
  });

  it('in a mailbox is always wrong', () => {
    const arrivals = new Map([[key, [arrival(0, 'none'), arrival(9000, 'none')]]]);

    expect(judge(facts({ arrivals, deaths: [death(7, 20)] })).wrong).toHaveLength(1);
  });

  it('is explained by a later death when an outage kept the outcome from being durable', () => {
    const outages = [{ fromMs: 101_000, untilMs: 108_000 }];

    expect(judge(twice({ deaths: [death(7, 8000)], outages })).wrong).toEqual([]);
  });
});

describe('the share of duplicates', () => {
  const tally = { ...judge(facts({})).tally, recipients: 10_000, kills: 10 };

  it('is judged at a thousand recipients per kill', () => {
    expect(judgeTotal({ ...tally, duplicates: 9 })).toEqual([]);
    expect(judgeTotal({ ...tally, duplicates: 10 })).toHaveLength(1);
    expect(judgeTotal({ ...tally, duplicates: 10, kills: 11 })).toEqual([]);
  });
});
