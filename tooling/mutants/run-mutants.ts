/** Runs each mutant against its crash point. All at once: most of the time is spent waiting for what will never come. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../test/command.ts';
import { testsOfReport } from '../test/vitest-report.ts';
import { whyNotSeen } from './judge.ts';
import { type MutantCase, mutantCases } from './table.ts';

/** One mutant and, unless a test sees it, why not. */
export interface MutantVerdict extends MutantCase {
  readonly problem: string | undefined;
}

/** Runs all of them. */
export function runMutants(): Promise<MutantVerdict[]> {
  return Promise.all(mutantCases.map(async (each) => ({ ...each, problem: await runOne(each) })));
}

async function runOne(each: MutantCase): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-mutant-'));
  try {
    const file = join(folder, 'report.json');
    const environment = [`RAILPOST_MUTANT=${each.mutant}`, 'RAILPOST_TEST_BUILD=loses-mail'];
    const rows = ['-t', `\\[${each.row.replace('.', '\\.')}\\]`];
    const report = ['--reporter=json', `--outputFile.json=${file}`];
    const vitest = ['vitest', 'run', '--project', 'crash-points', ...report, ...rows, each.file];
    await runCommand(['env', ...environment, ...vitest]);
    return whyNotSeen(each, testsOfReport(existsSync(file) ? readFileSync(file, 'utf8') : undefined));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
