/**
 * `npm run bench -- NAME [flags]`: one command for each measurement. Without a name: the race (`relay`). Exit code 1 when a
 * measurement fails or misses a target that it checks, 2 for a wrong command line.
 */
import { UsageError } from './arguments.ts';

/** A measurement: its command line in, its figures on standard output; true or nothing when all is well. */
interface Measurement {
  readonly usage: string;
  run(args: readonly string[]): Promise<boolean | void>;
}

const measurements: ReadonlyMap<string, () => Promise<Measurement>> = new Map<
  string,
  () => Promise<Measurement>
>([
  ['relay', () => import('./relay/run.ts')],
  ['profile', () => import('./profile/run.ts')],
  ['cpu-per-message', () => import('./cpu-per-message/run.ts')],
]);

// Servers that were started are stopped by what they left for the exit of this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
// The reader of a table may have seen enough (`| head`).
process.stdout.once('error', () => process.exit(0));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [first = ''] = args;
  const isNamed = first !== '' && !first.startsWith('-');
  const name = isNamed ? first : 'relay';
  const load = measurements.get(name);
  if (load === undefined) {
    process.stderr.write(
      `bench: there is no measurement "${name}"; there are ${[...measurements.keys()].join(', ')}\n`,
    );
    return 2;
  }
  const measurement = await load();
  const rest = isNamed ? args.slice(1) : args;
  if (rest.includes('--help')) {
    process.stdout.write(measurement.usage);
    return 0;
  }
  try {
    return (await measurement.run(rest)) === false ? 1 : 0;
  } catch (error) {
    if (!(error instanceof UsageError) && !isArgumentError(error)) throw error;
    process.stderr.write(`bench ${name}: ${error.message}\n\n${measurement.usage}`);
    return 2;
  }
}

/** What `parseArgs` of Node throws for flags that it does not know. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
