/** Waiting for numbered messages at a timed sink. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TimedSink } from './timed-sink.ts';
import type { Accepted } from './timed-source.ts';

/** Waits until a sink has seen so many messages. @throws Error when none came for `silenceMs` */
export async function waitForArrivals(sink: TimedSink, count: number, silenceMs = 60_000): Promise<void> {
  let changedAt = performance.now();
  for (let seen = -1; sink.arrivals.size < count; ) {
    if (sink.arrivals.size !== seen) changedAt = performance.now();
    seen = sink.arrivals.size;
    if (performance.now() - changedAt > silenceMs)
      throw new Error(`${count - seen} of ${count} messages did not arrive`);
    await sleep(20);
  }
}

/** Times of messages in milliseconds. */
export interface Times {
  /** MAIL to 250. */
  readonly accepts: number[];
  /** 250 to the end of data at the sink; 0 when it arrives before the sender has read its 250. */
  readonly arrivals: number[];
  /** MAIL to the end of data at the sink. */
  readonly wholes: number[];
}

/** Puts both ends together. Messages that have not arrived are left out. */
export function timesOf(accepted: ReadonlyMap<number, Accepted>, sink: TimedSink): Times {
  const times: Times = { accepts: [], arrivals: [], wholes: [] };
  for (const [number, { begunAt, acceptedAt }] of accepted) {
    const arrivedAt = sink.arrivals.get(number);
    if (arrivedAt === undefined) continue;
    times.accepts.push(acceptedAt - begunAt);
    times.arrivals.push(Math.max(0, arrivedAt - acceptedAt));
    times.wholes.push(arrivedAt - begunAt);
  }
  return times;
}
