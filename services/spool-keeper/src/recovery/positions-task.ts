/**
 * The task `positions`: writes down every few seconds how far the streams have come (durability rules 17 and 18), when they have moved.
 * Owners do the same in the journal, but nobody else remembers INCOMING. A stream that is later found behind this has lost something.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BusError, readStreamStates } from '@railpost/bus';
import { SpoolError, currentGeneration, recordPositions } from '@railpost/spool';
import type { KeeperContext, KeeperTask } from '../keeper-task.ts';

/** Makes the task. */
export function positionsTask(context: KeeperContext, everyMs: number): KeeperTask {
  return {
    name: 'positions',
    async run(signal) {
      let written = '';
      while (!signal.aborted) {
        written = await tryRecord(context, written);
        await sleep(everyMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** Returns what was written last. An outage is no loss: the next round writes. */
async function tryRecord({ bus, store, clock }: KeeperContext, written: string): Promise<string> {
  try {
    const states = await readStreamStates(bus);
    const generation = await currentGeneration(store);
    // While a generation begins there are streams of two; nothing is to be remembered of the earlier ones.
    if (states.length === 0 || states.some((each) => each.generation !== generation)) return written;
    const positions = Object.fromEntries(states.map(({ name, lastSequence }) => [name, lastSequence]));
    const text = JSON.stringify(positions);
    if (text !== written) await recordPositions(store, generation, positions, clock.nowMs());
    return text;
  } catch (error) {
    if (error instanceof BusError || error instanceof SpoolError) return written;
    throw error;
  }
}
