import { describe, expect, it } from 'vitest';
import { Reports } from './reports.ts';
import { SpoolIndex } from './spool-index.ts';

const hourMs = 3_600_000;
const terminal = { orig: 0, final: 'x@x.test', kind: 'delivered' as const, run: 'r', n: 1 };
const settlement = { queueId: 'original', orig: 0, final: 'x@x.test', run: 'r', n: 1 };

/** A spool with one message and the report about it, which has been delivered. */
function given(): { index: SpoolIndex; reports: Reports } {
  const index = new SpoolIndex();
  const reports = new Reports(index);
  const facts = { bytes: 1000, timeMs: hourMs, state: 'readable' as const };
  index.add({ ...facts, key: 'X' }, [{ queueId: 'original', bytes: 100, originals: 1 }]);
  index.add({ ...facts, key: 'Y' }, [{ queueId: 'report', bytes: 100, originals: 1, isRetained: true }]);
  reports.add({ queueId: 'report', timeMs: hourMs, settles: [settlement] });
  index.apply({ ...terminal, queueId: 'report' });
  return { index, reports };
}

describe('a delivered report', () => {
  it('stays while the journal does not know what it settles, and is not open meanwhile', () => {
    const { index, reports } = given();

    reports.release(() => false);

    expect(index.isWanted('report')).toBe(true);
    expect(index.isOpen('report')).toBe(false);
    expect([...index.openIds()]).toEqual(['original']);
  });

  it('goes when the journal knows', () => {
    const { index, reports } = given();
    index.apply({ ...terminal, queueId: 'original', kind: 'bounced' });

    reports.release(() => true);

    expect(index.isWanted('report')).toBe(false);
    expect(reports.size).toBe(0);
  });

  it('is not believed in the generation that it was made in, nor when that began at the same time', () => {
    const { index, reports } = given();

    reports.believe(0);
    reports.believe(hourMs + 1000);

    expect(index.isOpen('original')).toBe(true);
  });

  it('is believed in a later generation, and goes when its message has left the spool', () => {
    const { index, reports } = given();

    reports.believe(2 * hourMs);

    expect(index.isOpen('original')).toBe(false);
    reports.release(() => true);
    expect(index.isWanted('report')).toBe(true);
    reports.release(() => false);
    expect(index.isWanted('report')).toBe(false);
  });
});
