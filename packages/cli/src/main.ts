/**
 * The `railpost` command: `railpost up`, `status`, `queue`, `check`, `explain`; each with --help. Node keeps what it compiled
 * in `.cache` (where that can be written): commands and services start in half the time.
 */
import { enableCompileCache } from 'node:module';
import { compileCacheFolder } from './compile-cache.ts';

enableCompileCache(compileCacheFolder);
// Imported only now, so that the cache covers it.
const { runCommandLine } = await import('./command-line.ts');

process.exitCode = await runCommandLine(process.argv.slice(2), {
  result: (text) => process.stdout.write(text),
  complaint: (text) => process.stderr.write(text),
});
