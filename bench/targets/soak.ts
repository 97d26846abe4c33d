/**
 * `npm run bench -- soak`: does memory grow? Half an hour of steady load; each process's least PSS near the end against its least near
 * the third part. The least and not the mean, because garbage that is not collected yet is no leak.
 */
import { parseArgs } from 'node:util';
import { parseCount } from '../arguments.ts';
import { startSmtpSinkProcess } from '../load/smtp-sink.ts';
import { sendTimed } from '../load/timed-source.ts';
import { readMemory } from '../machine/cpu-meter.ts';
import type { Output, Target } from '../measurement.ts';
import { floodDomain } from '../platforms/platform.ts';
import { type Railpost, startRailpost } from '../platforms/railpost.ts';
import { formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- soak [flags]

Memory of each process over half an hour of steady load: its least in the last minutes against its least in minutes 8 to 10.

  --minutes N   how long (default 30); the windows shrink with it
  --rate N      messages a second (default 100)
`;

/** Parts of the whole that are compared: minutes 8 to 10 and 28 to 30 of 30. */
const early = { from: 8 / 30, to: 10 / 30 };
const late = { from: 28 / 30, to: 1 };
const lookEveryMs = 5000;

interface Sample {
  /** Part of the whole time, 0 to 1. */
  readonly at: number;
  readonly memory: ReadonlyMap<string, number>;
}

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: 'string', default: '30' }, rate: { type: 'string', default: '100' } },
  });
  const minutes = parseCount('minutes', values.minutes);
  const perSecond = parseCount('rate', values.rate);
  const sink = await startSmtpSinkProcess();
  const railpost = await startRailpost({ farEnds: new Map([[floodDomain, sink.port]]) });
  try {
    const messages = minutes * 60 * perSecond;
    const samples: Sample[] = [];
    const watching = new AbortController();
    const watch = sample(railpost, { minutes, samples, signal: watching.signal, out });
    try {
      await sendTimed({
        ...{ port: railpost.port, sessions: 20, messages, perSecond, bytes: 5120, isKept: true },
        recipient: () => `x@${floodDomain}`,
      });
      await sink.waitFor(messages);
    } finally {
      // Before the platform goes: what it is asked then would hide why.
      watching.abort();
      await watch;
    }
    return report(out, samples, { minutes, perSecond });
  } finally {
    await railpost.stop();
    await sink.stop();
  }
}

async function sample(
  railpost: Railpost,
  to: {
    readonly minutes: number;
    readonly samples: Sample[];
    readonly signal: AbortSignal;
    readonly out: Output;
  },
): Promise<void> {
  const startedAt = performance.now();
  while (!to.signal.aborted) {
    const elapsedMs = performance.now() - startedAt;
    to.samples.push({ at: elapsedMs / (to.minutes * 60_000), memory: await readMemory(railpost) });
    if (to.samples.length % 12 === 1)
      to.out.progress(`minute ${Math.round(elapsedMs / 60_000)} of ${to.minutes}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

function report(
  out: Output,
  samples: readonly Sample[],
  load: { readonly minutes: number; readonly perSecond: number },
): readonly Target[] {
  const names = [...(samples.at(-1)?.memory.keys() ?? [])];
  const figures = names.map((name) => {
    const before = leastWithin(samples, name, early);
    const after = leastWithin(samples, name, late);
    return { name, before, after, growth: after / before };
  });
  const rows = figures.map(({ name, before, after, growth }) => [
    name,
    ...[before, after].map((mb) => mb.toFixed(1)),
    growth.toFixed(3),
  ]);
  const minuteOf = (part: number): string => (part * load.minutes).toFixed(0);
  const windowOf = ({ from, to }: typeof early): string => `${minuteOf(from)} to ${minuteOf(to)}`;
  out.text(
    `\nLeast PSS within a window of ${load.minutes} minutes at ${load.perSecond} messages a second, MB\n`,
  );
  out.text(
    formatTable(['process', `minutes ${windowOf(early)}`, `minutes ${windowOf(late)}`, 'growth'], rows),
  );
  return figures.map(({ name, growth }) => ({
    name: `growth of ${name}`,
    value: growth,
    unit: 'x',
    atMost: 1.05,
  }));
}

function leastWithin(
  samples: readonly Sample[],
  name: string,
  part: { readonly from: number; readonly to: number },
): number {
  const within = samples.filter(({ at }) => at >= part.from && at <= part.to);
  return Math.min(...within.map(({ memory }) => memory.get(name) ?? Number.POSITIVE_INFINITY));
}
