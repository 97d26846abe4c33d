import type { NotifyCondition } from '@railpost/mail';
import { describe, expect, it } from 'vitest';
import { decideReport } from './classify.ts';

const content = { key: 'segment/1', offset: 0, bytes: 1000, headerBytes: 100, sha256: '' };

function job(more: { reversePath?: string; ret?: 'FULL' | 'HDRS'; bytes?: number } = {}) {
  const { reversePath = 'alice@example.test', ret, bytes = 1000 } = more;
  return { reversePath, content: { ...content, bytes }, ...(ret === undefined ? {} : { ret }) };
}

function recipient(...notify: NotifyCondition[]) {
  return { recipient: notify.length === 0 ? {} : { notify } };
}

describe('who is told of a failure or a delay', () => {
  it.each([
    { notify: [], failure: true, delay: true },
    { notify: ['FAILURE'], failure: true, delay: false },
    { notify: ['DELAY'], failure: false, delay: true },
    { notify: ['SUCCESS', 'FAILURE', 'DELAY'], failure: true, delay: true },
    { notify: ['SUCCESS'], failure: false, delay: false },
    { notify: ['NEVER'], failure: false, delay: false },
  ] as const)('with NOTIFY=$notify: failure $failure, delay $delay', ({ notify, failure, delay }) => {
    const pending = [recipient(...notify)];

    expect(decideReport(job(), 'failure', pending).kind).toBe(failure ? 'report' : 'none');
    expect(decideReport(job(), 'delay', pending).kind).toBe(delay ? 'report' : 'none');
  });

  it('is nobody when the reverse-path is null, whatever NOTIFY says', () => {
    const decision = decideReport(job({ reversePath: '' }), 'failure', [recipient('FAILURE')]);

    expect(decision).toEqual({ kind: 'none', reason: 'null reverse-path' });
  });

  it('names only the recipients that ask for it', () => {
    const pending = [recipient('NEVER'), recipient(), recipient('DELAY'), recipient('FAILURE')];

    expect(decideReport(job(), 'failure', pending)).toMatchObject({ about: [pending[1], pending[3]] });
  });
});

describe('what is returned of the message', () => {
  it.each([
    { kind: 'failure', ret: undefined, bytes: 50_000, returned: 'full' },
    { kind: 'failure', ret: 'FULL', bytes: 50_000, returned: 'full' },
    { kind: 'failure', ret: 'HDRS', bytes: 10, returned: 'headers' },
    { kind: 'failure', ret: 'FULL', bytes: 50_001, returned: 'headers' },
    { kind: 'delay', ret: 'FULL', bytes: 10, returned: 'headers' },
  ] as const)('$kind with RET=$ret and $bytes octets: $returned', ({ kind, ret, bytes, returned }) => {
    const of = job({ bytes, ...(ret === undefined ? {} : { ret }) });

    expect(decideReport(of, kind, [recipient()])).toMatchObject({ kind: 'report', returned });
  });
});
