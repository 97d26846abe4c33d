/**
 * The steps of `npm test` in their order: what is quick and fails often comes first. Each gate is one check, each canary
 * one, each test one.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCanaries } from '../canaries/run-canaries.ts';
import { checkRows } from '../crash-points/check-rows.ts';
import { runMutants } from '../mutants/run-mutants.ts';
import { runModel } from '../model/run-model.ts';
import { missingPeers, setupCommand } from '../peers/peers.ts';
import { oneCheck, type Step, type StepResult } from './check.ts';
import { root, runCommand, tail } from './command.ts';
import { countVitestReport, testsOfReport } from './vitest-report.ts';

/** All steps. */
export const steps: readonly Step[] = [
  { name: 'peers', run: bringPeers },
  gate('format', ['biome', 'format']),
  gate('lint', ['oxlint', '--type-aware', '--deny-warnings', '--format=unix']),
  gate(
    'types',
    ['turbo', 'run', 'typecheck', '--continue=always', '--output-logs=errors-only'],
    ['tsc', '-p', 'tooling'],
  ),
  gate('boundaries', ['turbo', 'boundaries']),
  gate('knip', ['knip', '--no-config-hints']),
  gate('generated', ['node', 'packages/config/scripts/generate.ts', '--check']),
  { name: 'canaries', run: runCanaries },
  { name: 'model', run: runQuickModel },
  { name: 'unit', run: () => runTests('unit') },
  { name: 'integration', run: () => runTests('integration') },
  { name: 'crash-points', run: runCrashPoints },
  { name: 'mutants', run: countMutants },
  { name: 'scenarios', run: () => runTests('scenarios') },
  { name: 'ledger', run: runLedger },
];

/** A gate passes when each of its commands does. */
function gate(name: string, ...commands: readonly (readonly string[])[]): Step {
  return {
    name,
    async run() {
      for (const command of commands) {
        const result = await runCommand(command);
        if (result.code !== 0) return oneCheck(false, `${command.join(' ')}\n${tail(result.output)}`);
      }
      return oneCheck(true, '');
    },
  };
}

async function bringPeers(): Promise<StepResult> {
  const result = await runCommand(['node', join(root, 'tooling/peers/main.ts')]);
  const missing = missingPeers(process.env['PATH'] ?? '').map((peer) => peer.name);
  const detail = `missing: ${missing.join(', ')}; bring them with: ${setupCommand}\n${tail(result.output)}`;
  return oneCheck(missing.length === 0, detail);
}

/** One check a mutant: some crash point must see it. */
async function countMutants(): Promise<StepResult> {
  const verdicts = await runMutants();
  const problems = verdicts.flatMap(({ problem }) => problem ?? []);
  return {
    passed: verdicts.length - problems.length,
    failed: problems.length,
    detail: problems.join('\n'),
  };
}

/** One check; none where there is no Go, whose only other use here is to build a peer. */
async function runQuickModel(): Promise<StepResult> {
  const { hasRun, problems } = await runModel('quick');
  if (!hasRun)
    return { passed: 0, failed: 0, detail: 'Go is not in PATH: the model of docs/model was not run' };
  return oneCheck(problems.length === 0, problems.join('\n'));
}

/** A short run of the loss ledger, always of the same seed; its state goes with it. */
async function runLedger(): Promise<StepResult> {
  const state = mkdtempSync(join(tmpdir(), 'railpost-ledger-'));
  const faults = 'kill,kill-nats,kill-all,restart,config,wipe-nats,s3-500,s3-torn,s3-late-put';
  const shape = ['--seed', 'npm-test', '--messages', '1600', '--kills', '14', '--faults', faults];
  try {
    const result = await runCommand(['node', join(root, 'e2e/ledger/run.ts'), ...shape, '--state', state]);
    return oneCheck(result.code === 0, tail(result.output));
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

async function runTests(project: string): Promise<StepResult> {
  const { report, exitCode, output } = await runVitest(project);
  return countVitestReport(report, exitCode, output);
}

/** The tests, and for every row of docs/durability.md without one a failure more. */
async function runCrashPoints(): Promise<StepResult> {
  const { report, exitCode, output } = await runVitest('crash-points');
  const counted = countVitestReport(report, exitCode, output);
  const { problems } = checkRows(testsOfReport(report) ?? [], { isAll: false, isFiltered: false });
  if (problems.length === 0) return counted;
  const detail = [counted.detail, ...problems].filter((text) => text !== '').join('\n');
  return { passed: counted.passed, failed: counted.failed + problems.length, detail };
}

interface VitestRun {
  /** The JSON report, if it was written. */
  readonly report: string | undefined;
  readonly exitCode: number;
  /** The end of what it printed. */
  readonly output: string;
}

async function runVitest(project: string): Promise<VitestRun> {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-report-'));
  const file = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const result = await runCommand(['vitest', 'run', '--project', project, ...reporters]);
    const report = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    return { report, exitCode: result.code, output: tail(result.output) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
