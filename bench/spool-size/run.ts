/**
 * `npm run bench -- spool-size`: whether the spool stays as small as it must over a long run. The whole platform takes mail of which some is
 * deferred for hours; after each slice of the load the octets of everything in the spool, journal included, are compared with
 * what is still queued plus a quarter of an hour of traffic. Hours pass quicker than by the clock: every period of the platform is
 * divided by the same number, so the curve is that of a long run at the rate times that number divided by it.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startSmtpSink } from '@railpost/testkit';
import { UsageError, parseBytes, parseCount } from '../arguments.ts';
import { startSmtpSinkProcess } from '../load/smtp-sink.ts';
import { sendTimed } from '../load/timed-source.ts';
import type { Output, Target } from '../measurement.ts';
import { floodDomain } from '../platforms/platform.ts';
import { readMetric } from '../platforms/metrics.ts';
import { type Railpost, startRailpost } from '../platforms/railpost.ts';
import { formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- spool-size [flags]

Octets in the spool over a long run in which some mail is deferred, next to what is still queued.

  --hours N      hours that the run stands for (default 16)
  --faster N     how much quicker they pass (default 50)
  --rate N       messages a second by the clock (default 30)
  --size SIZE    of a message (default 5k)
  --deferred N   one message in N is deferred for hours (default 50: 2 %)
  --stay N       for so many hours (default 6)
  --sessions N   that send at the same time (default 30)
`;

/** The bound: octets stored, in multiples of what is queued plus {@link freshMinutes} of traffic. */
const bound = 2;
const freshMinutes = 15;
const lateDomain = 'late.test';
const slicesInAll = 240;
const hourMs = 3_600_000;

interface Plan {
  readonly hours: number;
  readonly faster: number;
  readonly rate: number;
  readonly bytes: number;
  readonly deferredOneIn: number;
  readonly stayHours: number;
  readonly sessions: number;
}

/** One point of the curve. */
interface Sample {
  /** Hours since the beginning, as they pass in the run. */
  readonly hours: number;
  readonly storedBytes: number;
  readonly segmentBytes: number;
  readonly queuedBytes: number;
  readonly trafficBytes: number;
  readonly objects: number;
}

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const plan = planOf(args);
  const late = await startLateEnd((plan.stayHours * hourMs) / plan.faster);
  const sink = await startSmtpSinkProcess();
  try {
    const farEnds = new Map([
      [floodDomain, sink.port],
      [lateDomain, late.port],
    ]);
    const railpost = await startRailpost({ farEnds, ...settingsOf(plan.faster) });
    try {
      const arrived = async () => (await sink.count()) + late.taken();
      const samples = await follow(plan, { railpost, arrived, out });
      return await report(plan, { railpost, samples, out });
    } finally {
      await railpost.stop();
    }
  } finally {
    await sink.stop();
    await late.stop();
  }
}

function planOf(args: readonly string[]): Plan {
  const text = (value: string) => ({ type: 'string' as const, default: value });
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ hours: text('16'), faster: text('50'), rate: text('30'), size: text('5k') },
      ...{ deferred: text('50'), stay: text('6'), sessions: text('30') },
    },
  });
  const plan = {
    hours: parseCount('hours', values.hours),
    faster: parseCount('faster', values.faster),
    rate: parseCount('rate', values.rate),
    bytes: parseBytes('size', values.size),
    deferredOneIn: parseCount('deferred', values.deferred),
    stayHours: parseCount('stay', values.stay),
    sessions: parseCount('sessions', values.sessions),
  };
  if (plan.faster > 500)
    throw new UsageError('--faster: above 500 periods are shorter than the machine is quick');
  return plan;
}

/** A far end that answers 451 to each recipient until it has asked for so long. */
async function startLateEnd(
  stayMs: number,
): Promise<{ readonly port: number; taken(): number; stop(): Promise<void> }> {
  const firstAt = new Map<string, number>();
  const sink = await startSmtpSink({
    script({ verb, line }) {
      if (verb !== 'RCPT') return undefined;
      const known = firstAt.get(line) ?? performance.now();
      firstAt.set(line, known);
      return performance.now() - known < stayMs ? '451 4.2.0 later' : undefined;
    },
  });
  return { port: sink.port, taken: () => sink.messages.length, stop: () => sink.stop() };
}

/** Every period of the platform that the size of the spool depends on, divided. */
function settingsOf(faster: number): { readonly arguments: string[]; readonly platformSpec: string } {
  const period = (seconds: number) => `${Math.max(100, Math.round((seconds * 1000) / faster))}ms`;
  const settings = [
    `spool-keeper.garbage-after=${period(600)}`,
    `spool-keeper.garbage-every=${period(60)}`,
    `spool-keeper.journal-keep=${period(86_400)}`,
    `queue-manager.journal-roll-up=${period(60)}`,
  ];
  return {
    arguments: settings.flatMap((each) => ['--set', each]),
    platformSpec: `  queue: {backoff: {minimum: ${period(300)}, maximum: ${period(4000)}}}`,
  };
}

interface Followed {
  readonly railpost: Railpost;
  readonly arrived: () => Promise<number>;
  readonly out: Output;
}

/** Sends slice after slice, each at once over many sessions so that segments hold several messages; a sample at the end of each. */
async function follow(plan: Plan, { railpost, arrived, out }: Followed): Promise<readonly Sample[]> {
  const sliceMs = (plan.hours * hourMs) / plan.faster / slicesInAll;
  const sliceMessages = Math.max(1, Math.round((plan.rate * sliceMs) / 1000));
  const samples: Sample[] = [];
  const sent: { readonly atMs: number; readonly count: number }[] = [];
  const startedAt = performance.now();
  let accepted = 0;
  for (let slice = 1; slice <= slicesInAll; slice += 1) {
    await sendTimed({
      port: railpost.port,
      sessions: plan.sessions,
      messages: sliceMessages,
      bytes: plan.bytes,
      isKept: true,
      firstNumber: accepted,
      recipient: (number) =>
        number % plan.deferredOneIn === 0 ? `r${number}@${lateDomain}` : `r@${floodDomain}`,
    });
    accepted += sliceMessages;
    await sleep(Math.max(0, slice * sliceMs - (performance.now() - startedAt)));
    const nowMs = performance.now() - startedAt;
    sent.push({ atMs: nowMs - sliceMs, count: sliceMessages });
    const freshSinceMs = nowMs - (freshMinutes * 60_000) / plan.faster;
    const fresh = sent.filter(({ atMs }) => atMs > freshSinceMs);
    samples.push({
      ...(await readSpool(join(railpost.data, 'spool', 'objects'))),
      hours: (nowMs * plan.faster) / hourMs,
      queuedBytes: (accepted - (await arrived())) * plan.bytes,
      trafficBytes: fresh.reduce((sum, { count }) => sum + count, 0) * plan.bytes,
    });
    out.progress(describe(samples.at(-1)));
  }
  return samples;
}

function describe(sample: Sample | undefined): string {
  if (sample === undefined) return '';
  return `hour ${sample.hours.toFixed(1)}: ${formatMb(sample.storedBytes)} MB stored, ${ratioOf(sample).toFixed(2)} times`;
}

function ratioOf({ storedBytes, queuedBytes, trafficBytes }: Sample): number {
  return storedBytes / (queuedBytes + trafficBytes);
}

/** Octets of all objects, and of segments among them. */
async function readSpool(folder: string): Promise<Pick<Sample, 'storedBytes' | 'segmentBytes' | 'objects'>> {
  const sums = { storedBytes: 0, segmentBytes: 0, objects: 0 };
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // Removed since it was listed: not stored any more.
    const size = await stat(join(entry.parentPath, entry.name)).then(
      (each) => each.size,
      () => 0,
    );
    sums.storedBytes += size;
    sums.objects += 1;
    if (entry.parentPath.startsWith(join(folder, 'segment'))) sums.segmentBytes += size;
  }
  return sums;
}

async function report(
  plan: Plan,
  { railpost, samples, out }: { railpost: Railpost; samples: readonly Sample[]; out: Output },
): Promise<readonly Target[]> {
  const { hours, rate, bytes, faster } = plan;
  out.text(
    `\nThe spool over ${hours} hours, ${(rate / faster).toFixed(2)} messages of ${bytes} octets a second, one in ${plan.deferredOneIn} deferred for ${plan.stayHours} hours (${faster} times as fast)\n`,
  );
  const step = Math.max(1, Math.floor(samples.length / 24));
  const shown = samples.filter((_, index) => index % step === step - 1);
  const most = Math.max(...samples.map(({ storedBytes }) => storedBytes));
  out.text(
    formatTable(
      ['hour', 'stored MB', 'segments MB', 'queued MB', '15 min MB', 'objects', 'times', ''],
      shown.map((sample) => [
        sample.hours.toFixed(1),
        formatMb(sample.storedBytes),
        formatMb(sample.segmentBytes),
        formatMb(sample.queuedBytes),
        formatMb(sample.trafficBytes),
        String(sample.objects),
        ratioOf(sample).toFixed(2),
        '#'.repeat(Math.round((sample.storedBytes / most) * 30)).padEnd(30),
      ]),
    ),
  );
  const removed = (await readMetric(railpost, 'railpost_keeper_removed_segments_total')) ?? 0;
  const copied = (await readMetric(railpost, 'railpost_keeper_copied_segments_total')) ?? 0;
  out.text(`\nsegments removed ${removed}, of which ${copied} left a copy of their survivors\n`);
  const worst = Math.max(...samples.map(ratioOf));
  return [
    {
      name: `stored octets, in multiples of what is queued plus ${freshMinutes} minutes of traffic, at worst`,
      value: worst,
      unit: 'times',
      atMost: bound,
    },
  ];
}

function formatMb(octets: number): string {
  return (octets / 1e6).toFixed(2);
}
