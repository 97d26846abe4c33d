/**
 * Generations: the number in the objects `generation/<n>` that sets `first_seq` of newly made streams, so that no sequence of
 * an old stream is ever met again (durability rule 18).
 */
import { ObjectMissingError } from './errors.ts';
import type { ObjectStore } from './object-store.ts';

const prefix = 'generation/';
const recoveredPrefix = 'recovered/';

/** Highest generation that fits into stream sequences: 8191 * 2^40 is below 2^53. */
export const highestGeneration = 8191;

/** The highest generation in the spool; 0 when there is none yet. @throws SpoolUnavailableError */
export async function currentGeneration(store: ObjectStore): Promise<number> {
  return (await newestGeneration(store)).generation;
}

/** The highest generation, 0 when there is none yet, and when it was made by the store's clock (milliseconds since the epoch). */
export async function newestGeneration(
  store: ObjectStore,
): Promise<{ readonly generation: number; readonly madeAtMs: number }> {
  let newest = { generation: 0, madeAtMs: 0 };
  for await (const { key, modifiedAtMs } of store.list(prefix)) {
    const generation = Number(key.slice(prefix.length));
    if (Number.isInteger(generation) && generation > newest.generation)
      newest = { generation, madeAtMs: modifiedAtMs };
  }
  return newest;
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

/** What recovery and the keeper of the spool agree on. */
export interface GenerationState {
  /** The highest generation; 0 when there is none yet. */
  readonly generation: number;
  /** False while messages of earlier generations may still have to be put back into the queue; then nothing is removed (rule 15). */
  readonly isRecovered: boolean;
}

/** Reads generation and whether its recovery is over. The first generation has nothing to recover. @throws SpoolUnavailableError */
export async function readGenerationState(store: ObjectStore): Promise<GenerationState> {
  const generation = await currentGeneration(store);
  if (generation <= 1) return { generation, isRecovered: true };
  const key = `${recoveredPrefix}${generation}`;
  for await (const each of store.list(key)) if (each.key === key) return { generation, isRecovered: true };
  return { generation, isRecovered: false };
}

/** Says that everything of earlier generations is back in the queue. Idempotent. @throws SpoolUnavailableError */
export async function markRecovered(store: ObjectStore, generation: number): Promise<void> {
  const content = Buffer.from(`{"version":1,"generation":${generation}}\n`, 'utf8');
  await store.create(`${recoveredPrefix}${generation}`, [content]);
}

/**
 * Asks right before a removal whether the generation is still the present one (durability rule 15): one request, no listing, because
 * generations are made one after another.
 */
export async function isGenerationCurrent(store: ObjectStore, generation: number): Promise<boolean> {
  try {
    await store.size(`${prefix}${generation + 1}`);
    return false;
  } catch (error) {
    if (error instanceof ObjectMissingError) return true;
    throw error;
  }
}
