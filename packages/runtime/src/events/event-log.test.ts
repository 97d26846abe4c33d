import { afterEach, describe, expect, it, vi } from 'vitest';
import { defineEvent } from './define-event.ts';
import { formatDelay, logDisposition } from './disposition.ts';
import { EventLog, type LogFormat } from './event-log.ts';

const rejected = defineEvent<{ client: string; reply: string; detail?: string }>({
  name: 'session-rejected',
  level: 'info',
  text: 'client rejected',
  postfix: {
    program: 'smtpd',
    line: (fields) => `NOQUEUE: reject: RCPT from ${fields.client}: ${fields.reply}`,
  },
});
const internal = defineEvent<{ count: number }>({
  name: 'internal',
  level: 'info',
  text: 'kept back',
  postfix: { program: 'qmgr', line: () => undefined },
});
const odd = defineEvent<{ reason: string; detail: string | undefined }>({
  name: 'odd',
  level: 'warn',
  text: 'something odd',
});
const hidden = defineEvent<object>({ name: 'hidden', level: 'debug', text: 'not shown' });

function makeLog(format: LogFormat) {
  const writes: string[] = [];
  const log = new EventLog({
    service: 'queue-manager',
    processName: 'qm-0',
    format,
    level: 'info',
    hostname: 'mx',
    nowMs: () => new Date(2026, 10, 5, 6, 7, 8, 9).getTime(),
    write: (lines) => writes.push(lines),
  });
  return { log, writes };
}

const disposition = {
  queueId: '0KxWvL4Dzz0BCDFG',
  to: 'bob@partner.test',
  relay: 'mx.partner.test[192.0.2.1]:25',
  delay: 1.5,
  delays: [1, 0.25, 0.005, 0.2] as const,
  dsn: '2.0.0',
  status: 'sent' as const,
  reason: '250 2.0.0 Ok: queued as 123',
  transport: 'smtp',
};

afterEach(() => {
  vi.useRealTimers();
});

describe('event log', () => {
  it('writes one JSON object per event with static text and the data in fields', () => {
    const { log, writes } = makeLog('json');

    rejected(log, { client: 'unknown[192.0.2.7]', reply: '550 5.1.1 no' });
    log.flush();

    expect(writes).toHaveLength(1);
    expect(JSON.parse(writes[0] ?? '')).toEqual({
      time: new Date(2026, 10, 5, 6, 7, 8, 9).toISOString(),
      level: 'info',
      service: 'queue-manager',
      process: 'qm-0',
      event: 'session-rejected',
      text: 'client rejected',
      client: 'unknown[192.0.2.7]',
      reply: '550 5.1.1 no',
    });
  });

  it('gathers the lines of one turn into one write', async () => {
    const { log, writes } = makeLog('json');

    for (let count = 0; count < 100; count += 1) internal(log, { count });
    expect(writes).toHaveLength(0);
    await new Promise((resolve) => setImmediate(resolve));

    expect(writes).toHaveLength(1);
    expect(writes[0]?.split('\n')).toHaveLength(101);
  });

  it('lets lines wait for more when the last write was a moment ago', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { log, writes } = makeLog('json');
    internal(log, { count: 1 });
    await new Promise((resolve) => setImmediate(resolve));

    internal(log, { count: 2 });
    await new Promise((resolve) => setImmediate(resolve));
    internal(log, { count: 3 });

    expect(writes).toHaveLength(1);
    vi.advanceTimersByTime(20);
    expect(writes[1]?.split('\n')).toHaveLength(3);
  });

  it('lets no warning wait, nor what came before it', async () => {
    const { log, writes } = makeLog('json');
    internal(log, { count: 1 });
    await new Promise((resolve) => setImmediate(resolve));

    internal(log, { count: 2 });
    odd(log, { reason: 'why', detail: undefined });
    await new Promise((resolve) => setImmediate(resolve));

    expect(writes[1]?.split('\n')).toHaveLength(3);
  });

  it('writes at once what would fill the memory', () => {
    const { log, writes } = makeLog('json');

    for (let count = 0; count < 1000; count += 1) internal(log, { count });

    expect(writes.length).toBeGreaterThan(0);
  });

  it('leaves out events below the level', () => {
    const { log, writes } = makeLog('json');

    hidden(log, {});
    log.flush();

    expect(writes).toEqual([]);
  });
});

describe('postfix format', () => {
  it.each([
    {
      what: 'a declared line',
      emit: (log: EventLog) => rejected(log, { client: 'unknown[192.0.2.7]', reply: '550 5.1.1 no' }),
      line: /^Nov  5 06:07:08 mx postfix\/smtpd\[\d+\]: NOQUEUE: reject: RCPT from unknown\[192\.0\.2\.7\]: 550 5\.1\.1 no\n$/,
    },
    {
      what: 'an event without a form of its own under the program of the service',
      emit: (log: EventLog) => odd(log, { reason: 'why', detail: undefined }),
      line: /^Nov  5 06:07:08 mx postfix\/qmgr\[\d+\]: warning: something odd reason=why\n$/,
    },
    {
      what: 'a disposition',
      emit: (log: EventLog) => logDisposition(log, { ...disposition, origTo: 'team@example.test' }),
      line: /postfix\/smtp\[\d+\]: 0KxWvL4Dzz0BCDFG: to=<bob@partner\.test>, orig_to=<team@example\.test>, relay=mx\.partner\.test\[192\.0\.2\.1\]:25, delay=1\.5, delays=1\/0\.25\/0\.005\/0\.2, dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: queued as 123\)\n$/,
    },
    {
      what: 'a disposition without orig_to when it is the same',
      emit: (log: EventLog) =>
        logDisposition(log, { ...disposition, origTo: 'bob@partner.test', transport: 'mailbox' }),
      line: /postfix\/virtual\[\d+\]: 0KxWvL4Dzz0BCDFG: to=<bob@partner\.test>, relay=/,
    },
    {
      what: 'no second line for a peer that sends line ends',
      emit: (log: EventLog) =>
        logDisposition(log, { ...disposition, reason: 'evil\r\nNov  5 06:07:08 forged' }),
      line: /^[^\n]*\(evil\?\?Nov {2}5 06:07:08 forged\)\n$/,
    },
  ])('writes $what', ({ emit, line }) => {
    const { log, writes } = makeLog('postfix');

    emit(log);
    log.flush();

    expect(writes.join('')).toMatch(line);
  });

  it('writes nothing for an event that Postfix would not write', () => {
    const { log, writes } = makeLog('postfix');

    internal(log, { count: 1 });
    log.flush();

    expect(writes).toEqual([]);
  });
});

describe('delay', () => {
  it.each([
    [0, '0'],
    [-1, '0'],
    [0.0004, '0'],
    [0.004, '0.004'],
    [0.04, '0.04'],
    [0.256, '0.26'],
    [1, '1'],
    [1.26, '1.3'],
    [12.6, '13'],
    [432_000, '432000'],
  ])('of %s s is written %s', (seconds, text) => {
    expect(formatDelay(seconds)).toBe(text);
  });
});
