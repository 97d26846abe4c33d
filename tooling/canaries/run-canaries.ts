/**
 * Shows that each gate can fail: it must pass on the clean workspace (else it would fail for any reason) and must name
 * every planted violation. One check per gate for the first, one per canary for the second; the test runner itself is
 * held to the same.
 */
import { appendFileSync, copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { oneCheck, type StepResult } from '../test/check.ts';
import { runCommand, tail } from '../test/command.ts';
import { countVitestReport } from '../test/vitest-report.ts';
import { type GateCanaries, gates } from './canaries.ts';
import { copyGenerated, makeWorkspace } from './workspace.ts';

/** Runs all canaries. */
export async function runCanaries(): Promise<StepResult> {
  const results: StepResult[] = [];
  for (const gate of gates) results.push(await checkControl(gate), ...(await checkCanaries(gate)));
  results.push(...(await checkGenerated()), await checkTestRunner());
  return {
    passed: results.reduce((sum, each) => sum + each.passed, 0),
    failed: results.reduce((sum, each) => sum + each.failed, 0),
    detail: results.flatMap((each) => (each.detail === '' ? [] : [each.detail])).join('\n'),
  };
}

async function checkControl(gate: GateCanaries): Promise<StepResult> {
  const { code, output } = await inWorkspace(undefined, (folder) => runCommand(gate.command, folder));
  return oneCheck(code === 0, `${gate.gate}: fails on the clean workspace\n${tail(output)}`);
}

async function checkCanaries(gate: GateCanaries): Promise<readonly StepResult[]> {
  const { code, output } = await inWorkspace(gate.gate, (folder) => runCommand(gate.command, folder));
  const text = output.replaceAll(/[\s|]+/g, ' ');
  return gate.canaries.map((canary) =>
    oneCheck(
      code !== 0 && canary.sign.test(text),
      `${gate.gate}: does not see ${canary.planted} (exit code ${code})`,
    ),
  );
}

/** Generated files pass as they are, and fail when one is changed by hand or does not belong. */
async function checkGenerated(): Promise<readonly StepResult[]> {
  const folder = copyGenerated();
  try {
    const check = ['node', 'packages/config/scripts/generate.ts', '--check'];
    const control = await runCommand(check, folder);
    appendFileSync(join(folder, 'crds/mailboxes.yaml'), '# by hand\n');
    // A kind that went: its file still says that it is generated.
    copyFileSync(join(folder, 'crds/maildomains.yaml'), join(folder, 'crds/stray.yaml'));
    const spoilt = await runCommand(check, folder);
    const sees = (name: string) => spoilt.code !== 0 && spoilt.output.includes(name);
    return [
      oneCheck(control.code === 0, `generated: fails on unchanged files\n${tail(control.output)}`),
      oneCheck(sees('crds/mailboxes.yaml'), 'generated: does not see a file that was changed by hand'),
      oneCheck(sees('crds/stray.yaml'), 'generated: does not see a file that nothing generates any more'),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The runner's report must count what fails, what is skipped, what does not load and what fails behind the tests. */
async function checkTestRunner(): Promise<StepResult> {
  const result = await inWorkspace('tests', async (folder) => {
    const file = join(folder, 'report.json');
    const reporting = ['--reporter=json', `--outputFile=${file}`];
    const { code, output } = await runCommand(['vitest', 'run', '--project', 'unit', ...reporting], folder);
    return countVitestReport(readFileSync(file, 'utf8'), code, tail(output));
  });
  const isAsPlanted =
    result.failed === 3 &&
    ['failing', 'skipped', 'broken'].every((name) => result.detail.includes(`${name}.test.ts`));
  return oneCheck(isAsPlanted, `tests: 3 planted failures, seen ${result.failed}\n${result.detail}`);
}

async function inWorkspace<Result>(
  gate: string | undefined,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = makeWorkspace(gate);
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
