/** What the measurements know of a mail system: where it listens, which processes are its own, and how to end it. */
import type { Measured } from '../machine/cpu-meter.ts';

/** A running mail system that relays `sink.test` to the sink. */
export interface Platform extends Measured {
  /** As in tables. */
  readonly name: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** The one domain of most measurements. */
export const sinkDomain = 'sink.test';
