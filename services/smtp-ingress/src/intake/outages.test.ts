import { expect, test } from 'vitest';
import { type IntakeFacts, describeOutage, findOutage } from './outages.ts';

const fine: IntakeFacts = {
  busProblems: [],
  jetstreamAgeMs: 0,
  hasStreams: true,
  latePublishes: 0,
  fullStreams: [],
  queuedMessages: 10,
  queueLimit: 100,
  spoolProblem: undefined,
  diskProblem: undefined,
};

test.each<[what: string, facts: Partial<IntakeFacts>, part: string | undefined, status?: string]>([
  ['nothing is wrong', {}, undefined],
  ['NATS is not connected', { busProblems: ['not connected to NATS'] }, 'nats', 'busUnavailable'],
  ['JetStream is silent', { jetstreamAgeMs: 5001 }, 'nats', 'busUnavailable'],
  ['one look was missed', { jetstreamAgeMs: 4000 }, undefined],
  ['the streams are gone', { hasStreams: false }, 'nats', 'busUnavailable'],
  ['a publish is late', { latePublishes: 1 }, 'nats', 'busUnavailable'],
  ['the spool takes no writes', { spoolProblem: 'EROFS' }, 'spool', 'spoolUnavailable'],
  ['a volume is nearly full', { diskProblem: '3 MiB free' }, 'disk', 'queueFull'],
  ['a stream is full', { fullStreams: ['rp_DEFER_0'] }, 'queue', 'queueFull'],
  ['the queue is over its limit', { queuedMessages: 100 }, 'queue', 'queueFull'],
  ['there is no limit', { queuedMessages: 1e9, queueLimit: 0 }, undefined],
  ['several parts are out of order', { latePublishes: 1, spoolProblem: 'EROFS' }, 'nats', 'busUnavailable'],
])('%s: %j is an outage of %s', (_, facts, part, status) => {
  const outage = findOutage({ ...fine, ...facts });

  expect(outage?.part).toBe(part);
  expect(outage?.status).toBe(status);
});

test('a description says what clients hear, why, and what to do', () => {
  const text = describeOutage({ part: 'spool', status: 'spoolUnavailable', reason: 'EROFS' });

  expect(text).toBe(
    'no mail is taken (451 4.3.0), spool: EROFS; mend the object storage or the folder of --spool; mail is taken again by itself',
  );
});
