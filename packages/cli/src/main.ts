/** The `railpost` command: `railpost up`, `status`, `queue`, `check`, `explain`; each with --help. */
import { runCommandLine } from './command-line.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  result: (text) => process.stdout.write(text),
  complaint: (text) => process.stderr.write(text),
});
