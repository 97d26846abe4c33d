/**
 * `npm run bench:relay`: Railpost, Postfix and Haraka on this machine in this run, in turn. See README.md for what the figures mean
 * and what they do not.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError, parseBytes, parseChoices, parseCount, parseCounts } from '../arguments.ts';
import { startSmtpSinkProcess } from '../load/smtp-sink.ts';
import { flood } from '../load/smtp-source.ts';
import { startTimedSink } from '../load/timed-sink.ts';
import { sendTimed } from '../load/timed-source.ts';
import type { Output, Target } from '../measurement.ts';
import { describeMachine, formatMachine } from '../machine/description.ts';
import { startHaraka } from '../platforms/haraka.ts';
import { type FarEnds, type Platform, floodDomain, timedDomain } from '../platforms/platform.ts';
import { startPostfix } from '../platforms/postfix.ts';
import { startRailpost } from '../platforms/railpost.ts';
import { type RelayCase, casesOf, connectionKinds, titleOf } from './cases.ts';
import { drawChart } from './chart.ts';
import {
  type CaseResult,
  type RelayReport,
  formatCase,
  formatCpu,
  formatRatios,
  medianOf,
} from './report.ts';
import { type Round, type Sinks, runRound } from './round.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench:relay -- [flags] [-- ARGUMENTS OF railpost up]

Railpost, Postfix and Haraka as relays between smtp-source and smtp-sink, in turn; medians of the rounds.
Everything takes about half an hour; a part of it:

  --mta LIST          railpost,postfix,haraka (default: all)
  --size LIST         sizes of the content (default 5k,100k)
  --connections LIST  kept,single (default: both)
  --sessions LIST     sessions at once (default 1,50,200)
  --rounds N          rounds of each case (default 3)
  --messages N        messages of a flood of small ones over kept connections; other cases take fewer (default 10000)
  --no-syncs          do not count fsyncs
  --out DIR           also write relay.json and relay.svg to DIR
`;

const starters = { railpost: startOurs, postfix: startPostfix, haraka: startHaraka } as const;
type PlatformName = keyof typeof starters;
const platformNames: readonly PlatformName[] = ['railpost', 'postfix', 'haraka'];

/** What the command line says. */
interface Choice {
  readonly names: readonly PlatformName[];
  readonly cases: readonly RelayCase[];
  readonly rounds: number;
  readonly countsSyncs: boolean;
  readonly out: string | undefined;
  readonly railpostArguments: readonly string[];
}

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const choice = choose(args);
  const machine = await describeMachine();
  out.text(formatMachine(machine));
  const sinks: Sinks = { flood: await startSmtpSinkProcess(), timed: await startTimedSink() };
  const farEnds = new Map([
    [floodDomain, sinks.flood.port],
    [timedDomain, sinks.timed.port],
  ]);
  const platforms: Platform[] = [];
  const results: CaseResult[] = [];
  try {
    for (const name of choice.names) {
      out.progress(`starting ${name}`);
      platforms.push(await starters[name](farEnds, choice.railpostArguments));
    }
    for (const platform of platforms) await warmUp(platform, sinks, out);
    for (const relayCase of choice.cases) {
      const result = await race(platforms, sinks, { relayCase, choice, out });
      results.push(result);
      out.text(`${formatCase(result)}CPU µs per message:\n${formatCpu(result)}`);
    }
  } finally {
    out.progress('stopping');
    for (const platform of platforms) await platform.stop();
    await sinks.flood.stop();
    sinks.timed.close();
  }
  out.text(formatRatios(results));
  if (choice.out !== undefined) await save(choice.out, { machine, results }, out);
  return targetsOf(results);
}

function choose(args: readonly string[]): Choice {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      mta: { type: 'string', default: platformNames.join(',') },
      size: { type: 'string', default: '5k,100k' },
      connections: { type: 'string', default: 'kept,single' },
      sessions: { type: 'string', default: '1,50,200' },
      rounds: { type: 'string', default: '3' },
      messages: { type: 'string', default: '10000' },
      'no-syncs': { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  });
  if (positionals.length > 0 && !args.includes('--'))
    throw new UsageError(`"${positionals[0]}" is no flag; arguments of railpost up come after --`);
  return {
    names: parseChoices('mta', values.mta, platformNames),
    cases: casesOf({
      sizes: values.size.split(',').map((size) => parseBytes('size', size)),
      kinds: parseChoices('connections', values.connections, connectionKinds),
      sessions: parseCounts('sessions', values.sessions),
      messages: parseCount('messages', values.messages),
    }),
    rounds: parseCount('rounds', values.rounds),
    countsSyncs: !values['no-syncs'],
    out: values.out,
    railpostArguments: positionals,
  };
}

function startOurs(farEnds: FarEnds, railpostArguments: readonly string[]): Promise<Platform> {
  return startRailpost({ farEnds, arguments: railpostArguments });
}

/** Code is compiled, caches are filled, processes are started: what a mail system does once is not its speed. */
async function warmUp(platform: Platform, sinks: Sinks, out: Output): Promise<void> {
  out.progress(`warming up ${platform.name}`);
  const before = await sinks.flood.count();
  const load = { port: platform.port, sessions: 50, isKept: true, bytes: 5120 };
  await flood({ ...load, messages: 2000, recipient: `x@${floodDomain}` });
  await sinks.flood.waitFor(before + 2000);
  await sendTimed({ ...load, messages: 200, recipient: () => `x@${timedDomain}` });
}

async function race(
  platforms: readonly Platform[],
  sinks: Sinks,
  {
    relayCase,
    choice,
    out,
  }: { readonly relayCase: RelayCase; readonly choice: Choice; readonly out: Output },
): Promise<CaseResult> {
  const rounds: Record<string, Round[]> = Object.fromEntries(platforms.map(({ name }) => [name, []]));
  for (let number = 0; number < choice.rounds; number += 1) {
    // Who is first changes from round to round.
    const first = number % platforms.length;
    for (const platform of [...platforms.slice(first), ...platforms.slice(0, first)]) {
      out.progress(`${titleOf(relayCase)}: round ${number + 1} of ${choice.rounds}, ${platform.name}`);
      const countsSyncs = choice.countsSyncs && number === 0;
      try {
        rounds[platform.name]?.push(await runRound(platform, sinks, { relayCase, countsSyncs }));
      } catch (error) {
        // The medians are those of the other rounds.
        out.text(
          `${platform.name} lost a round: ${error instanceof Error ? error.message : String(error)}\n`,
        );
        await sinks.flood.waitForSilence();
      }
    }
  }
  return { relayCase, rounds };
}

async function save(to: string, report: RelayReport, out: Output): Promise<void> {
  const folder = resolve(to);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'relay.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  await writeFile(join(folder, 'relay.svg'), drawChart(report));
  out.text(`\nwritten: ${join(folder, 'relay.json')}, ${join(folder, 'relay.svg')}\n`);
}

/** Ratios that were promised for 5 KB and 50 sessions; none when Railpost or Postfix did not run. */
function targetsOf(results: readonly CaseResult[]): readonly Target[] {
  return results.flatMap((result) => {
    const { relayCase, rounds } = result;
    if (rounds['railpost'] === undefined || rounds['postfix'] === undefined) return [];
    const rate = (name: string): number => medianOf(result, name, (round) => round.rate);
    const value = rate('railpost') / rate('postfix');
    if (relayCase.bytes !== 5120 || relayCase.sessions !== 50) return [];
    const atLeast = relayCase.isKept ? 4 : 2.5;
    return [{ name: `end to end, ${titleOf(relayCase)}`, value, unit: 'x Postfix', atLeast }];
  });
}
