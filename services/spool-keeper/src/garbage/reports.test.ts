import { expect, it } from 'vitest';
import { Reports } from './reports.ts';
import { SpoolIndex } from './spool-index.ts';

const terminal = { orig: 0, final: 'x@x.test', kind: 'delivered' as const, run: 'r', n: 1 };

it('keeps a delivered report while the journal does not know what it settles, and no longer', () => {
  const index = new SpoolIndex();
  const reports = new Reports(index);
  const facts = { bytes: 1000, timeMs: 0, state: 'readable' as const };
  index.add({ ...facts, key: 'X' }, [{ queueId: 'original', bytes: 100, originals: 1 }]);
  index.add({ ...facts, key: 'Y' }, [{ queueId: 'report', bytes: 100, originals: 1, isRetained: true }]);
  reports.add('report', [{ queueId: 'original', orig: 0, final: 'x@x.test', run: 'r', n: 1 }]);
  index.apply({ ...terminal, queueId: 'report' });

  reports.release();
  expect(index.isWanted('report')).toBe(true);
  // Nobody need deliver it, so it is no orphan.
  expect(index.isOpen('report')).toBe(false);
  expect([...index.openIds()]).toEqual(['original']);

  index.apply({ ...terminal, queueId: 'original', kind: 'bounced' });
  reports.release();
  expect(index.isWanted('report')).toBe(false);
  expect(reports.size).toBe(0);
});
