/** One round against one MTA: rate end to end, and the times to acceptance and from acceptance to arrival. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from './sink.ts';
import { type Load, send } from './source.ts';

/** Figures of a round: messages per second from the first MAIL to the last arrival; times in milliseconds. */
export interface Round {
  readonly rate: number;
  readonly acceptP50: number;
  readonly acceptP99: number;
  readonly arrivalP50: number;
  readonly arrivalP99: number;
}

/** Runs a load and waits for every message at the sink. @throws Error when one is missing a minute after the last acceptance */
export async function measure(sink: Sink, load: Load): Promise<Round> {
  sink.arrivals.clear();
  const startedAt = performance.now();
  const accepted = await send(load);
  const deadline = performance.now() + 60_000;
  while (sink.arrivals.size < load.messages) {
    if (performance.now() > deadline)
      throw new Error(`${load.messages - sink.arrivals.size} messages did not arrive`);
    await sleep(5);
  }
  const lastArrival = Math.max(...sink.arrivals.values());
  const accepts: number[] = [];
  const arrivals: number[] = [];
  for (const [number, { begunAt, acceptedAt }] of accepted) {
    accepts.push(acceptedAt - begunAt);
    arrivals.push(Math.max(0, (sink.arrivals.get(number) ?? acceptedAt) - acceptedAt));
  }
  return {
    rate: load.messages / ((lastArrival - startedAt) / 1000),
    acceptP50: percentile(accepts, 0.5),
    acceptP99: percentile(accepts, 0.99),
    arrivalP50: percentile(arrivals, 0.5),
    arrivalP99: percentile(arrivals, 0.99),
  };
}

/** Median of each figure. */
export function median(rounds: readonly Round[]): Round {
  const of = (pick: (round: Round) => number): number => percentile(rounds.map(pick), 0.5);
  return {
    rate: of((round) => round.rate),
    acceptP50: of((round) => round.acceptP50),
    acceptP99: of((round) => round.acceptP99),
    arrivalP50: of((round) => round.arrivalP50),
    arrivalP99: of((round) => round.arrivalP99),
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
