/** `npm run mutants`: breaks one durability rule at a time in a test build and shows which crash point sees it. Exit code 1 when one survives. */
import { runMutants } from './run-mutants.ts';

const verdicts = await runMutants();
for (const { mutant, row, problem } of verdicts)
  console.log(`${mutant.padEnd(24)} ${problem === undefined ? `seen by [${row}]` : problem}`);
process.exitCode = verdicts.some(({ problem }) => problem !== undefined) ? 1 : 0;
