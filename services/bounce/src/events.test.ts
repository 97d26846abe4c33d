import { EventLog } from '@railpost/runtime';
import { describe, expect, it } from 'vitest';
import { reportNotOwed, reportQueued } from './events.ts';

const fields = {
  queueId: '4W2Yb1Fh5z0BCDFG',
  reportQueueId: '4W2Yb2000z0BCDFG',
  recipients: 1,
  traceparent: '',
};

function linesOf(write: (log: EventLog) => void): string[] {
  const lines: string[] = [];
  const log = new EventLog({
    service: 'bounce',
    processName: 'one',
    format: 'postfix',
    level: 'info',
    hostname: 'host',
    write: (text) => lines.push(...text.trimEnd().split('\n')),
  });
  write(log);
  log.flush();
  return lines;
}

describe('events of bounce in Postfix form', () => {
  it.each([
    ['failure', 'sender non-delivery notification'],
    ['delay', 'sender delay notification'],
    ['success', 'sender delivery status notification'],
  ] as const)('names the report of a %s as bounce(8) does', (kind, words) => {
    const [line] = linesOf((log) => reportQueued(log, { ...fields, kind }));

    expect(line).toMatch(/ host postfix\/bounce\[\d+\]: /);
    expect(line?.endsWith(`: 4W2Yb1Fh5z0BCDFG: ${words}: 4W2Yb2000z0BCDFG`)).toBe(true);
  });

  it('are silent when no report is owed, as Postfix is', () => {
    expect(linesOf((log) => reportNotOwed(log, { queueId: 'q', kind: 'failure', reason: 'r' }))).toEqual([]);
  });
});
