/**
 * The task `positions`: writes down every few seconds how far the streams have come (durability rules 17 and 18), when they have moved.
 * Owners do the same in the journal, but nobody else remembers INCOMING. A stream that is later found behind this has lost something.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BusError, readStreamStates } from '@railpost/bus';
import { SpoolError, type StreamPositions, currentGeneration, recordPositions } from '@railpost/spool';
import type { KeeperContext, KeeperTask } from '../keeper-task.ts';

/** What a round saw, and what is written. */
interface Seen {
  readonly generation: number;
  readonly positions: StreamPositions;
  readonly written: string;
}

const nothing: Seen = { generation: 0, positions: {}, written: '' };

/** Makes the task. */
export function positionsTask(context: KeeperContext, everyMs: number): KeeperTask {
  return {
    name: 'positions',
    async run(signal) {
      let seen = nothing;
      while (!signal.aborted) {
        seen = await tryRecord(context, seen);
        await sleep(everyMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/**
 * Writes what the round before saw: what a stream has just taken may not be on its disk yet, and a power cut would then look like a
 * loss. An outage is no loss: the next round writes.
 */
async function tryRecord({ bus, store, clock }: KeeperContext, before: Seen): Promise<Seen> {
  try {
    const states = await readStreamStates(bus);
    const generation = await currentGeneration(store);
    // While a generation begins there are streams of two; nothing is to be remembered of the earlier ones.
    if (states.length === 0 || states.some((each) => each.generation !== generation)) return nothing;
    const positions = Object.fromEntries(states.map(({ name, lastSequence }) => [name, lastSequence]));
    const text = JSON.stringify(before.positions);
    const isDue = before.generation === generation && text !== before.written;
    if (isDue) await recordPositions(store, generation, before.positions, clock.nowMs());
    return { generation, positions, written: isDue ? text : before.written };
  } catch (error) {
    if (error instanceof BusError || error instanceof SpoolError) return before;
    throw error;
  }
}
