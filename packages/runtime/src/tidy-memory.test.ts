/** Garbage goes when enough has come together, and not before. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTidier } from './tidy-memory.ts';

describe('a tidier', () => {
  it('collects what nobody needs once so much has come together', async () => {
    const tidy = createTidier({ allowedBytes: 8 * 2 ** 20 });
    const garbage = new WeakRef(fill(16));
    await nextTurn();

    tidy();
    await nextTurn();

    expect(garbage.deref()).toBeUndefined();
  });

  it('leaves the work to V8 while there is little', async () => {
    const tidy = createTidier({ allowedBytes: 512 * 2 ** 20 });
    const garbage = new WeakRef(fill(1));
    await nextTurn();

    tidy();
    await nextTurn();

    expect(garbage.deref()).toHaveLength(1);
  });

  it('collects at the end whatever there is', async () => {
    const tidy = createTidier({ allowedBytes: 512 * 2 ** 20 });
    const garbage = new WeakRef(fill(1));
    await nextTurn();

    tidy(true);
    await nextTurn();

    expect(garbage.deref()).toBeUndefined();
  });
});

/** So many MiB of strings. */
function fill(mebibytes: number): readonly string[] {
  return Array.from({ length: mebibytes }, (_, index) =>
    Buffer.alloc(2 ** 20, 97 + (index % 26)).toString('latin1'),
  );
}
