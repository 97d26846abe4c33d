/**
 * Generations: the number in the objects `generation/<n>` that sets `first_seq` of newly made streams, so that no sequence of
 * an old stream is ever met again (durability rule 18).
 */
import type { ObjectStore } from './object-store.ts';

const prefix = 'generation/';

/** Highest generation that fits into stream sequences: 8191 * 2^40 is below 2^53. */
export const highestGeneration = 8191;

/** The highest generation in the spool; 0 when there is none yet. @throws SpoolUnavailableError */
export async function currentGeneration(store: ObjectStore): Promise<number> {
  let highest = 0;
  for await (const { key } of store.list(prefix)) {
    const number = Number(key.slice(prefix.length));
    if (Number.isInteger(number) && number > highest) highest = number;
  }
  return highest;
}

/**
 * Makes a generation; of several that try, one hears true.
 * @throws RangeError when `number` is not within 1..8191; SpoolUnavailableError
 */
export async function createGeneration(store: ObjectStore, number: number): Promise<boolean> {
  if (!Number.isInteger(number) || number < 1 || number > highestGeneration) {
    throw new RangeError(`generation ${number} is not within 1..${highestGeneration}`);
  }
  const content = Buffer.from(`{"version":1,"generation":${number}}\n`, 'utf8');
  return (await store.create(`${prefix}${number}`, [content])) === 'created';
}
