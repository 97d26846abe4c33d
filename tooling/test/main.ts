/**
 * `npm test`: every check of the repository, in order, going on after failures; `npm test -- lint unit` runs only those
 * steps. One line per step, what failed in full, and as the very last line `N passed, N failed`. Exit code 1 when
 * anything failed, and when nothing ran.
 */
import { oneCheck, type Step, type StepResult } from './check.ts';
import { steps } from './steps.ts';

const tellEveryMs = 30_000;

process.exitCode = await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`no step ${unknown.join(', ')}; there are: ${steps.map((step) => step.name).join(', ')}`);
    return 64;
  }
  const chosen = names.length === 0 ? steps : steps.filter((step) => names.includes(step.name));
  let passed = 0;
  let failed = 0;
  for (const step of chosen) {
    const startMs = performance.now();
    const stopTelling = tellThatItRuns(step.name, startMs);
    const result = await runStep(step);
    stopTelling();
    passed += result.passed;
    failed += result.failed;
    report(step.name, result, performance.now() - startMs);
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** Says on stderr that a long step is still running; on a terminal also that it has begun. */
function tellThatItRuns(name: string, startMs: number): () => void {
  if (process.stderr.isTTY) process.stderr.write(`${name} ...\r`);
  const tell = () =>
    process.stderr.write(`${name} ... ${Math.round((performance.now() - startMs) / 1000)} s\n`);
  const ticker = setInterval(tell, tellEveryMs);
  return () => clearInterval(ticker);
}

/** A step that breaks is a failed one, and the others still run. */
async function runStep(step: Step): Promise<StepResult> {
  try {
    return await step.run();
  } catch (error) {
    return oneCheck(false, `the step itself broke: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

function report(name: string, result: StepResult, tookMs: number): void {
  const counts =
    result.failed > 0 ? `${result.passed} passed, ${result.failed} FAILED` : `${result.passed} passed`;
  console.log(`${name.padEnd(12)} ${(tookMs / 1000).toFixed(1).padStart(6)} s   ${counts}`);
  if (result.detail !== '') console.log(result.detail.replaceAll(/^/gm, '    '));
}
