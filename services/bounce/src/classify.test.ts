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

describe('who is told of a failure, a delay or a success', () => {
  it.each([
    { notify: [], failure: true, delay: true, success: false },
    { notify: ['FAILURE'], failure: true, delay: false, success: false },
    { notify: ['DELAY'], failure: false, delay: true, success: false },
    { notify: ['SUCCESS', 'FAILURE', 'DELAY'], failure: true, delay: true, success: true },
    { notify: ['SUCCESS'], failure: false, delay: false, success: true },
    { notify: ['NEVER'], failure: false, delay: false, success: false },
  ] as const)(
    'with NOTIFY=$notify: failure $failure, delay $delay, success $success',
    ({ notify, ...expected }) => {
      const pending = [recipient(...notify)];

      for (const kind of ['failure', 'delay', 'success'] as const)
        expect(decideReport(job(), kind, pending).kind).toBe(expected[kind] ? 'report' : 'none');
    },
  );

  it('is nobody when the reverse-path is null, whatever NOTIFY says', () => {
    const decision = decideReport(job({ reversePath: '' }), 'failure', [recipient('FAILURE')]);

    expect(decision).toEqual({ kind: 'none', reason: 'null reverse-path' });
  });

  it.each([[['NEVER']], [['FAILURE', 'DELAY']]] as const)(
    'is the sender when an alias was expanded, though the final has NOTIFY=%s',
    (notify) => {
      const final = { recipient: { notify: [...notify], isExpansionReportDue: true } };

      expect(decideReport(job(), 'success', [final]).kind).toBe('report');
      expect(decideReport(job({ reversePath: '' }), 'success', [final]).kind).toBe('none');
    },
  );

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
    { kind: 'success', ret: 'FULL', bytes: 10, returned: 'headers' },
  ] as const)('$kind with RET=$ret and $bytes octets: $returned', ({ kind, ret, bytes, returned }) => {
    const of = job({ bytes, ...(ret === undefined ? {} : { ret }) });

    expect(decideReport(of, kind, [recipient('FAILURE', 'DELAY', 'SUCCESS')])).toMatchObject({
      kind: 'report',
      returned,
    });
  });
});
