/**
 * `npm run bench -- flood`: one destination is flooded and takes little, and others must not feel it. A probe a second goes to another
 * destination: first with nothing else, then while the flood is accepted, then while it waits in the queue.
 */
import { parseArgs } from 'node:util';
import { parseCount } from '../arguments.ts';
import { timesOf, waitForArrivals } from '../load/arrivals.ts';
import { flood } from '../load/smtp-source.ts';
import { type TimedSink, startTimedSink } from '../load/timed-sink.ts';
import { sendTimed } from '../load/timed-source.ts';
import type { Output, Target } from '../measurement.ts';
import { floodDomain, timedDomain } from '../platforms/platform.ts';
import { type Railpost, startRailpost } from '../platforms/railpost.ts';
import { percentile } from '../statistics.ts';
import { formatFigure, formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- flood [flags]

A probe a second to one destination beside a flood for another that takes 10 messages a second.

  --jobs N      messages of the flood (default 100000)
  --probes N    probes before it, and while it waits (default 100)
  --take N      what the flooded destination takes a second (default 10)
`;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      jobs: { type: 'string', default: '100000' },
      probes: { type: 'string', default: '100' },
      take: { type: 'string', default: '10' },
    },
  });
  const jobs = parseCount('jobs', values.jobs);
  const probes = parseCount('probes', values.probes);
  const slow = await startTimedSink(parseCount('take', values.take));
  const sink = await startTimedSink();
  const railpost = await startRailpost({
    farEnds: new Map([
      [floodDomain, slow.port],
      [timedDomain, sink.port],
    ]),
  });
  try {
    const prober = new Prober(railpost, sink);
    await prober.probe(100, 10);
    out.progress(`${probes} probes with nothing else`);
    const idle = await prober.probe(probes, 1);
    out.progress(`${jobs} messages for a destination that takes ${values.take} a second`);
    const until = new AbortController();
    const besides = prober.probeUntil(until.signal);
    const load = { port: railpost.port, sessions: 50, isKept: true, bytes: 1024 };
    const sent = await flood({ ...load, messages: jobs, recipient: `x@${floodDomain}` });
    until.abort();
    const arriving = await besides;
    out.progress(`${probes} probes while the flood waits`);
    const waiting = await prober.probe(probes, 1);
    const rate = jobs / ((sent.acceptedAt - sent.startedAt) / 1000);
    out.text(
      `\nA probe a second beside ${jobs} messages (accepted at ${rate.toFixed(0)} a second) for one destination, MAIL to arrival, ms\n`,
    );
    out.text(
      formatTable(
        ['', 'probes', 'p50', 'p99', 'longest'],
        [
          rowOf('nothing else', idle),
          rowOf('while the flood is accepted', arriving),
          rowOf('while the flood waits', waiting),
        ],
      ),
    );
    const atMost = percentile(idle, 0.99) + 100;
    return [
      { name: "a probe's p99 while the flood waits", value: percentile(waiting, 0.99), unit: 'ms', atMost },
    ];
  } finally {
    await railpost.stop();
    slow.close();
    sink.close();
  }
}

function rowOf(what: string, times: readonly number[]): string[] {
  const figures = [percentile(times, 0.5), percentile(times, 0.99), Math.max(...times)];
  return [what, String(times.length), ...figures.map((figure) => formatFigure(figure))];
}

/** Sends probes and tells how long each took from MAIL to arrival, milliseconds. */
class Prober {
  readonly #railpost: Railpost;
  readonly #sink: TimedSink;
  #next = 0;

  constructor(railpost: Railpost, sink: TimedSink) {
    this.#railpost = railpost;
    this.#sink = sink;
  }

  async probe(count: number, perSecond: number): Promise<readonly number[]> {
    const firstNumber = this.#next;
    this.#next += count;
    // More sessions than one, so that a probe that takes long keeps no other waiting.
    const accepted = await sendTimed({
      ...{ port: this.#railpost.port, sessions: 5, messages: count, firstNumber, perSecond },
      ...{ bytes: 5120, isKept: true, recipient: () => `probe@${timedDomain}` },
    });
    await waitForArrivals(this.#sink, this.#next);
    return timesOf(accepted, this.#sink).wholes;
  }

  /** One a second, one after the other is begun, until told to stop. */
  async probeUntil(signal: AbortSignal): Promise<readonly number[]> {
    const times: Promise<readonly number[]>[] = [];
    while (!signal.aborted) {
      times.push(this.probe(1, 1));
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    return (await Promise.all(times)).flat();
  }
}
