/** What is written down late stands where it belongs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Book, keyOf } from './book.ts';

it('keeps the arrivals of a recipient in the order of time, whenever they are written down', () => {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-book-'));
  const book = new Book(join(folder, 'offers.log'));
  const recipient = 'n1@takes0.test';
  for (const atMs of [20, 10, 30])
    book.noteArrival({
      kind: 'delivered',
      number: 1,
      attempt: 1,
      recipient,
      atMs,
      worker: 7,
      isIntact: true,
    });

  expect(book.arrivals.get(keyOf(1, recipient))?.map(({ atMs }) => atMs)).toEqual([10, 20, 30]);
  book.close();
  rmSync(folder, { recursive: true });
});
