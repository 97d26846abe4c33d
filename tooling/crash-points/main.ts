/**
 * `npm run crash-points`: kills, stops and cuts off every service at each point where it may die (docs/durability.md, last section)
 * and prints what became of every row. `--all` takes the long rows too; further arguments are filters of test files, and then
 * rows without a test say nothing. Exit code 1 when a test failed, and when a row has none.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../test/command.ts';
import { testsOfReport } from '../test/vitest-report.ts';
import { checkRows } from './check-rows.ts';
import { formatSums, formatTable } from './print.ts';

const usage = `npm run crash-points -- [--all] [PATH...]

Runs the crash points of docs/durability.md and prints the table of their outcomes.
  --all    the rows that take long (marked + there), too
  PATH     only test files whose path contains it, for example services/cleanup
`;

process.exitCode = await main(process.argv.slice(2));

async function main(given: readonly string[]): Promise<number> {
  if (given.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  const isAll = given.includes('--all');
  const filters = given.filter((each) => each !== '--all');
  const folder = mkdtempSync(join(tmpdir(), 'railpost-crash-points-'));
  try {
    const file = join(folder, 'report.json');
    const projects = ['crash-points', ...(isAll ? ['crash-points-all'] : [])];
    const code = await runVitest([
      ...projects.flatMap((project) => ['--project', project]),
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
      ...filters,
    ]);
    const tests = testsOfReport(existsSync(file) ? readFileSync(file, 'utf8') : undefined);
    if (tests === undefined) {
      console.error('the tests left no report: they did not run to their end');
      return 1;
    }
    const { outcomes, problems } = checkRows(tests, { isAll, isFiltered: filters.length > 0 });
    console.log(`${formatTable(outcomes)}\n\n${formatSums(outcomes)}`);
    for (const problem of problems) console.error(problem);
    return code !== 0 || problems.length > 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(more: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('vitest', ['run', ...more], { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
