/** `npm run bench -- idle`: what one message takes when nothing else is going on, beside Postfix. */
import { parseArgs } from 'node:util';
import { parseCount } from '../arguments.ts';
import { timesOf, waitForArrivals } from '../load/arrivals.ts';
import { type TimedSink, startTimedSink } from '../load/timed-sink.ts';
import { sendTimed } from '../load/timed-source.ts';
import type { Output, Target } from '../measurement.ts';
import { type Platform, timedDomain } from '../platforms/platform.ts';
import { startPostfix } from '../platforms/postfix.ts';
import { startRailpost } from '../platforms/railpost.ts';
import { percentile } from '../statistics.ts';
import { formatFigure, formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- idle [flags]

Time of a lone message from MAIL to its arrival at the sink, one after the other, beside Postfix.

  --messages N  messages of each (default 300)
  --rate N      messages a second (default 20)
`;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: { messages: { type: 'string', default: '300' }, rate: { type: 'string', default: '20' } },
  });
  const load = { messages: parseCount('messages', values.messages), rate: parseCount('rate', values.rate) };
  const sink = await startTimedSink();
  const farEnds = new Map([[timedDomain, sink.port]]);
  const rows: string[][] = [];
  let railpostP50 = Number.NaN;
  try {
    for (const start of [() => startRailpost({ farEnds }), () => startPostfix(farEnds)]) {
      const platform = await start();
      out.progress(`${platform.name}: ${load.messages} messages`);
      try {
        const { row, wholeP50 } = await measure(platform, sink, load);
        rows.push(row);
        if (platform.name === 'railpost') railpostP50 = wholeP50;
      } finally {
        await platform.stop();
      }
    }
  } finally {
    sink.close();
  }
  out.text(`\nA lone message, 5 KB, kept connection, ${load.rate} a second (p50 / p99, ms)\n`);
  out.text(formatTable(['', 'MAIL to 250', '250 to arrival', 'MAIL to arrival'], rows));
  return [{ name: 'idle p50, MAIL to arrival', value: railpostP50, unit: 'ms', atMost: 8 }];
}

async function measure(
  platform: Platform,
  sink: TimedSink,
  load: { readonly messages: number; readonly rate: number },
): Promise<{ readonly row: string[]; readonly wholeP50: number }> {
  const shape = {
    ...{ port: platform.port, sessions: 1, bytes: 5120, isKept: true },
    ...{ recipient: () => `x@${timedDomain}`, perSecond: load.rate },
  };
  const warmUp = 100;
  sink.arrivals.clear();
  await sendTimed({ ...shape, messages: warmUp, perSecond: load.rate * 4 });
  await waitForArrivals(sink, warmUp);
  const accepted = await sendTimed({ ...shape, messages: load.messages, firstNumber: warmUp });
  await waitForArrivals(sink, warmUp + load.messages);
  const { accepts, arrivals, wholes } = timesOf(accepted, sink);
  const both = (values: readonly number[]): string =>
    `${formatFigure(percentile(values, 0.5))} / ${formatFigure(percentile(values, 0.99))}`;
  return {
    row: [platform.name, both(accepts), both(arrivals), both(wholes)],
    wholeP50: percentile(wholes, 0.5),
  };
}
