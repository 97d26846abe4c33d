/**
 * The `railpost` command: `railpost up`, `status`, `queue`, `check`, `explain`; each with --help. Node keeps what it compiled
 * in `.cache` (where that can be written): commands and services start in half the time.
 */
import { enableCompileCache } from 'node:module';
import { compileCacheFolder } from './compile-cache.ts';

enableCompileCache(compileCacheFolder);
// Imported only now, so that the cache covers it.
const { runCommandLine } = await import('./command-line.ts');

// A reader that has seen enough (`| head`), or a terminal that is gone, is no failure of the command.
for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe);

process.exitCode = await runCommandLine(process.argv.slice(2), {
  result: (text) => process.stdout.write(text),
  complaint: (text) => process.stderr.write(text),
});

function ignoreBrokenPipe(error: Error): void {
  if (!('code' in error) || (error.code !== 'EPIPE' && error.code !== 'EIO')) throw error;
}
