/**
 * The steps of `npm test` in their order: what is quick and fails often comes first. Each gate is one check, each canary
 * one, each test one.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCanaries } from '../canaries/run-canaries.ts';
import { missingPeers, setupCommand } from '../peers/peers.ts';
import { oneCheck, type Step, type StepResult } from './check.ts';
import { root, runCommand, tail } from './command.ts';
import { countVitestReport } from './vitest-report.ts';

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
  { name: 'unit', run: () => runVitest('unit') },
  { name: 'integration', run: () => runVitest('integration') },
  { name: 'crash-points', run: () => runVitest('crash-points') },
  { name: 'scenarios', run: () => runVitest('scenarios') },
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

async function runVitest(project: string): Promise<StepResult> {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-report-'));
  const file = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const result = await runCommand(['vitest', 'run', '--project', project, ...reporters]);
    const report = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    return countVitestReport(report, result.code, tail(result.output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
