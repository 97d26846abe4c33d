/** What the measurements know of a mail system: where it listens, which processes are its own, and how to end it. */
import type { Measured } from '../machine/cpu-meter.ts';

/** A running mail system that relays to the far ends of {@link FarEnds}. */
export interface Platform extends Measured {
  /** As in tables. */
  readonly name: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Domain of the floods, which go to smtp-sink. */
export const floodDomain = 'flood.test';
/** Domain of messages whose times are taken. */
export const timedDomain = 'timed.test';

/** Port of the far end by domain, all on 127.0.0.1. */
export type FarEnds = ReadonlyMap<string, number>;
