/**
 * `npm run bench -- NAME [flags]`: one command for each measurement. Without a name: the race (`relay`). Exit code 1 when a target is
 * missed, 2 for a wrong command line.
 */
import { UsageError } from './arguments.ts';
import { type Measurement, formatTargets, isMet } from './measurement.ts';
import { measurements } from './measurements.ts';
import { openOutput } from './output.ts';

// Servers that were started are stopped by what they left for the exit of this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
// The reader of a table may have seen enough (`| head`).
process.stdout.once('error', () => process.exit(0));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [first = ''] = args;
  if (['help', '--help', '-h'].includes(first)) {
    process.stdout.write(await formatHelp());
    return 0;
  }
  const isNamed = first !== '' && !first.startsWith('-');
  const name = isNamed ? first : 'relay';
  const load = measurements.get(name);
  if (load === undefined) {
    const known = [...measurements.keys()].join(', ');
    process.stderr.write(`bench: there is no measurement "${name}"; there are ${known}\n`);
    return 2;
  }
  return measure(name, await load(), isNamed ? args.slice(1) : args);
}

async function measure(name: string, measurement: Measurement, args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(measurement.usage);
    return 0;
  }
  try {
    const out = openOutput();
    const targets = await measurement.run(args, out);
    if (targets.length > 0) out.text(`\n${formatTargets(targets)}`);
    return targets.every((target) => isMet(target)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError) && !isArgumentError(error)) throw error;
    process.stderr.write(`bench ${name}: ${error.message}\n\n${measurement.usage}`);
    return 2;
  }
}

async function formatHelp(): Promise<string> {
  const lines = ['Usage: npm run bench -- NAME [flags]; flags of one: npm run bench -- NAME --help\n'];
  for (const [name, load] of measurements) {
    const [, about = ''] = (await load()).usage.split('\n\n');
    lines.push(`  ${name.padEnd(16)} ${about.split('\n')[0] ?? ''}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What `parseArgs` of Node throws for flags that it does not know. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
