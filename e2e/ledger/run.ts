/**
 * `npm run ledger`: see options.ts for the command line, verdict.ts for what is wrong. Runs the parts one after the other, keeps the
 * result of each in the state folder, prints one table for all of them.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { addAccounts, formatDeaths } from './death-account.ts';
import { type LedgerOptions, UsageError, helpText, parseOptions } from './options.ts';
import { type PartOptions, type PartResult, runPart } from './part.ts';
import { type PartPlan, planParts } from './part-plan.ts';
import { addUp, formatTable } from './table.ts';
import { emptyTally, judgeTotal } from './verdict.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: LedgerOptions | undefined;
  try {
    options = parseOptions(args, Date.now());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`ledger: ${error.message}`);
    return 2;
  }
  if (options === undefined) {
    console.log(helpText());
    return 0;
  }
  return await run(options);
}

async function run(options: LedgerOptions): Promise<number> {
  const plans = planParts(options).filter(
    ({ part }) => options.onlyPart === undefined || part === options.onlyPart,
  );
  console.log(`seed ${options.seed}, ${plans.length} parts, results in ${options.state}`);
  const results: PartResult[] = [];
  for (const plan of plans) results.push(await resultOf(plan, options));
  return report(results);
}

/** The result of an earlier run of this part, or one of now. */
async function resultOf(plan: PartPlan, options: LedgerOptions): Promise<PartResult> {
  const folder = resolve(options.state, `part-${String(plan.part).padStart(3, '0')}`);
  await mkdir(options.state, { recursive: true });
  const earlier = options.isFresh ? undefined : await readResult(join(folder, 'result.json'));
  if (earlier !== undefined) {
    console.log(`part ${plan.part}: done before`);
    return earlier;
  }
  const names = [...new Set(plan.strikes.map(({ fault }) => fault))].join(', ');
  console.log(`part ${plan.part}: ${plan.messages} messages, ${plan.strikes.length} strikes (${names})`);
  const result = await runPart(plan, partOptions(folder, options));
  const { tally, wrong, seconds, drainSeconds } = result;
  console.log(
    `part ${plan.part}: ${wrong.length === 0 ? 'ok' : 'WRONG'}, ${tally.accepted} accepted, ${tally.duplicates} duplicates, ${tally.lost} lost, ${seconds} s (drained in ${drainSeconds} s)`,
  );
  for (const line of wrong.slice(0, 20)) console.log(`  ${line}`);
  return result;
}

function partOptions(folder: string, options: LedgerOptions): PartOptions {
  const { seed, clients, forgets, mutant } = options;
  const [service = '', name = ''] = (mutant ?? '').split('=');
  return {
    ...{ seed, folder, clients },
    ...(forgets === 0 ? {} : { forgets: (number: number) => number % 100 < forgets }),
    ...(mutant === undefined
      ? {}
      : {
          upArguments: ['--set', `${service}.mutant=${name}`],
          environment: { RAILPOST_TEST_BUILD: 'loses-mail' },
        }),
  };
}

async function readResult(path: string): Promise<PartResult | undefined> {
  try {
    // Written by this program; a file that is cut off does not parse.
    const result = JSON.parse(await readFile(path, 'utf8')) as PartResult;
    // A part that an earlier release ran says nothing of deaths.
    return { ...result, deaths: Array.isArray(result.deaths) ? result.deaths : [] };
  } catch {
    return undefined; // not run yet
  }
}

function report(results: readonly PartResult[]): number {
  const total = results.map(({ tally }) => tally).reduce(addUp, emptyTally());
  const wrong = [...results.flatMap((each) => each.wrong), ...judgeTotal(total)];
  console.log(formatTable(results, total));
  console.log(`\n${formatDeaths(addAccounts(results.flatMap(({ deaths }) => deaths)))}\n`);
  for (const line of results.flatMap(({ explained }) => explained).slice(0, 200))
    console.log(`duplicate ${line}`);
  for (const line of wrong.slice(0, 200)) console.log(line);
  console.log(wrong.length === 0 ? 'ledger: nothing lost' : `ledger: ${wrong.length} things are wrong`);
  return wrong.length === 0 ? 0 : 1;
}
