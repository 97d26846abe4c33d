import { describe, expect, it } from 'vitest';
import { Batch } from './batch.ts';
import type { JobInHand } from './jobs-in-hand.ts';

/** A batch only hands jobs on, so their names will do. */
const jobs = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ transport: name }) as JobInHand);

function fill(batch: Batch, begun: number): string[] {
  for (let count = 0; count < begun; count += 1) batch.start();
  return jobs.filter((job) => batch.queue(job)).map((job) => job.transport);
}

describe('a batch', () => {
  it.each([
    { jobs: 6, width: 1, begun: 1, queued: ['a', 'b', 'c', 'd', 'e'] },
    { jobs: 6, width: 3, begun: 3, queued: ['a', 'b', 'c'] },
    // Only one of three slots was to be had: only its share of the others.
    { jobs: 6, width: 3, begun: 1, queued: ['a'] },
    { jobs: 6, width: 3, begun: 0, queued: [] },
    { jobs: 3, width: 3, begun: 3, queued: [] },
  ])(
    'of $jobs jobs, $begun of $width begun, takes $queued behind them',
    ({ jobs: size, width, begun, queued }) => {
      expect(fill(new Batch(size, width), begun)).toEqual(queued);
    },
  );

  it('lets the next begin for each that ends, in order, and then runs dry', () => {
    const batch = new Batch(4, 2);
    fill(batch, 2);

    const order = [batch.next(), batch.next(), batch.next(), batch.next()];

    expect(order.map((job) => job?.transport)).toEqual(['a', 'b', undefined, undefined]);
    expect(batch.running).toBe(0);
  });

  it('gives back what waits and lets what runs end', () => {
    const batch = new Batch(4, 2);
    fill(batch, 2);

    expect(batch.giveBack().map((job) => job.transport)).toEqual(['a', 'b']);
    expect(batch.next()).toBeUndefined();
    expect(batch.running).toBe(1);
  });
});
