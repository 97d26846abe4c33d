/**
 * Removes finished messages from a limits stream: purges everything up to the consumer's ack floor, at one fsync for
 * hundreds of messages, instead of a tombstone for each acknowledgement. The purge never passes the floor, and by
 * first_seq no sequence of another generation can be hit. One process per stream should run it; two do no harm.
 */
import type { Bus } from './bus.ts';

/** Settings of a purge. */
export interface AckFloorOptions {
  readonly stream: string;
  readonly consumer: string;
  /** @default 500 */
  readonly everyMs?: number;
  /** Called between reading the floor and purging (crash points), with the floor. */
  readonly onFloor?: (floor: number) => void;
  /** Called when a round failed; the next one comes anyway. */
  readonly onProblem?: (error: unknown) => void;
}

/** A running purge. */
export interface AckFloorPurge {
  /** Highest sequence known to be acknowledged with everything below it; 0 before the first round. */
  readonly floor: number;
  /** Stops; resolves when a round in progress has ended. */
  stop(): Promise<void>;
}

/** Starts purging. */
export function startAckFloorPurge(bus: Bus, options: AckFloorOptions): AckFloorPurge {
  const everyMs = options.everyMs ?? 500;
  let floor = 0;
  let purgedTo = 0;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> = Promise.resolve();

  async function runRound(): Promise<void> {
    try {
      const info = await bus.manager.consumers.info(options.stream, options.consumer);
      floor = info.ack_floor.stream_seq;
      if (floor <= purgedTo || isStopped) return;
      options.onFloor?.(floor);
      await bus.manager.streams.purge(options.stream, { seq: floor + 1 });
      purgedTo = floor;
    } catch (error) {
      if (!isStopped) options.onProblem?.(error);
    }
  }

  function schedule(): void {
    if (isStopped) return;
    timer = setTimeout(() => {
      round = runRound().finally(schedule);
    }, everyMs);
  }

  schedule();
  return {
    get floor() {
      return floor;
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await round;
    },
  };
}
