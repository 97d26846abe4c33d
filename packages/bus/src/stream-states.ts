/**
 * The streams that hold mail as they stand: which generation each was made in and how far it has come (durability rule 18). CORRUPT
 * is not among them: nobody counts on its sequences, and what it keeps for humans outlives a generation.
 */
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import type { BusNames } from '@railpost/contracts';
import type { Bus } from './bus.ts';
import { generationOf } from './ensure-streams.ts';
import { BusUnavailableError } from './errors.ts';

/** One stream. */
export interface StreamState {
  readonly name: string;
  /** From its first_seq: the generation it was made in. */
  readonly generation: number;
  /** Last sequence ever given, also when that message is gone. */
  readonly lastSequence: number;
}

/** Reads INCOMING, ACTIVE_s and DEFER_s, those that exist. @throws BusUnavailableError */
export async function readStreamStates(bus: Bus): Promise<StreamState[]> {
  const states: StreamState[] = [];
  try {
    for await (const { config, state } of bus.manager.streams.list(`${bus.names.prefix}.>`)) {
      if (!holdsMail(bus.names, config.name)) continue;
      const generation = generationOf(config.first_seq ?? 0);
      states.push({ name: config.name, generation, lastSequence: state.last_seq });
    }
  } catch (error) {
    throw new BusUnavailableError('the streams cannot be listed', error);
  }
  return states;
}

/**
 * Removes the streams of earlier generations. Looked at again one by one right before; another process may all the same have made
 * one anew in between: then that stream is gone too, the next look finds it missing, and a further generation begins.
 * @throws BusUnavailableError
 */
export async function removeEarlierStreams(bus: Bus, generation: number): Promise<string[]> {
  const removed: string[] = [];
  for (const { name } of (await readStreamStates(bus)).filter((each) => each.generation < generation)) {
    const now = (await readStreamStates(bus)).find((each) => each.name === name);
    if (now === undefined || now.generation >= generation) continue;
    try {
      await bus.manager.streams.delete(name);
      removed.push(name);
    } catch (error) {
      // Somebody else tidied up at the same moment.
      if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) continue;
      throw new BusUnavailableError(`stream ${name} cannot be removed`, error);
    }
  }
  return removed;
}

function holdsMail(names: BusNames, stream: string): boolean {
  if (stream === names.incomingStream) return true;
  const isNumbered = (first: string) =>
    stream.startsWith(first.slice(0, -1)) && /^\d+$/.test(stream.slice(first.length - 1));
  return isNumbered(names.activeStream(0)) || isNumbered(names.deferStream(0));
}
