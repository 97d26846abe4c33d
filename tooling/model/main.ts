/**
 * `npm run model`: runs the model of the mail queue (docs/model) and compares it with what is committed. `-- quick` takes seconds (so does
 * the step of `npm test`), without an argument it takes about a minute, `-- all` an hour and some gigabytes. Needs Go in PATH.
 */
import { type ModelLevel, runModel } from './run-model.ts';

const levels: readonly ModelLevel[] = ['quick', 'usual', 'all'];

process.exitCode = await main(process.argv[2] ?? 'usual');

async function main(wanted: string): Promise<number> {
  const level = levels.find((each) => each === wanted);
  if (level === undefined) {
    console.error(`npm run model -- ${levels.join('|')} (usual is the default)`);
    return wanted === '--help' ? 0 : 64;
  }
  const { hasRun, lines, problems } = await runModel(level);
  if (!hasRun) {
    console.error(
      'Go is not in PATH; install Go 1.24 or newer (https://go.dev/dl), then run npm run model again',
    );
    return 1;
  }
  for (const { kind, name, states, violations } of lines)
    console.log(
      `${kind.padEnd(7)} ${name.padEnd(62)} ${states.padStart(10)}  ${violations === '' ? 'no violation' : violations}`,
    );
  for (const problem of problems) console.error(problem);
  console.log(`${lines.length} runs, ${problems.length} not as expected`);
  return problems.length > 0 ? 1 : 0;
}
