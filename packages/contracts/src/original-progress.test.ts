import { describe, expect, it } from 'vitest';
import { OriginalProgress, completesAlone } from './original-progress.ts';

const entry = (final: string, run: string, n: number) => ({ final, kind: 'delivered' as const, run, n });

function progressOf(...entries: readonly Parameters<OriginalProgress['note']>[0][]): OriginalProgress {
  const progress = new OriginalProgress();
  for (const each of entries) progress.note(each);
  return progress;
}

describe('an original', () => {
  it('is complete when all finals of one run are terminal', () => {
    expect(progressOf(entry('x', 'r', 2)).isComplete).toBe(false);
    expect(progressOf(entry('x', 'r', 2), entry('y', 'r', 2)).isComplete).toBe(true);
  });

  it('is not complete by the same final twice', () => {
    expect(progressOf(entry('x', 'r', 2), entry('x', 'r', 2)).isComplete).toBe(false);
  });

  it('is not complete by finals of different runs', () => {
    expect(progressOf(entry('x', 'r', 2), entry('z', 'other', 2)).isComplete).toBe(false);
  });

  it('is complete by an administrator deleting it whole', () => {
    expect(progressOf({ final: 'x', kind: 'deleted', run: '-', n: 1 }).isComplete).toBe(true);
  });

  it('is not complete by being held or released', () => {
    expect(progressOf({ final: '', kind: 'held', run: '-', n: 1 }).isComplete).toBe(false);
    expect(completesAlone({ kind: 'released', run: '-', n: 1 })).toBe(false);
  });

  it('names the finals that are done, each once', () => {
    expect(progressOf(entry('x', 'r', 3), entry('x', 'q', 2), entry('y', 'q', 2)).finals()).toEqual([
      'x',
      'y',
    ]);
  });
});
