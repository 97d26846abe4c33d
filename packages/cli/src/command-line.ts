/**
 * Chooses the command. Exit codes everywhere: 0 done, 1 it went wrong and the line says why, 2 wrong arguments.
 */
import { release } from '@railpost/runtime';
import { checkCommand } from './check/check-command.ts';
import type { CommandOutput } from './command-output.ts';
import { explainCommand } from './explain/explain-command.ts';
import { queueCommand } from './queue/queue-command.ts';
import { recoverCommand } from './recover/recover-command.ts';
import { statusCommand } from './status/status-command.ts';
import { upCommand } from './up/up-command.ts';

/** A command: takes the arguments after its name, returns the exit code. */
export type Command = (args: readonly string[], out: CommandOutput) => Promise<number>;

const commands: ReadonlyMap<string, { readonly run: Command; readonly summary: string }> = new Map([
  ['up', { run: upCommand, summary: 'run the whole platform here, from folders of manifests' }],
  ['status', { run: statusCommand, summary: 'what runs, which configuration is in force, what is wrong' }],
  ['queue', { run: queueCommand, summary: 'list, show, flush, hold, release, delete queued mail' }],
  ['recover', { run: recoverCommand, summary: 'put back what is in the spool but in no queue' }],
  ['check', { run: checkCommand, summary: 'check manifests: file, line, field, reason' }],
  ['explain', { run: explainCommand, summary: 'what would happen to mail for an address, and why' }],
]);

/** Runs one command line. */
export async function runCommandLine(args: readonly string[], out: CommandOutput): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    out.result(usage());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    out.result(`${release}\n`);
    return 0;
  }
  const command = commands.get(name);
  if (command === undefined) {
    out.complaint(`railpost: there is no command ${name}\n${usage()}`);
    return 2;
  }
  return command.run(rest, out);
}

function usage(): string {
  const lines = [...commands].map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`);
  return `Usage: railpost COMMAND [arguments]\n\n${lines.join('\n')}\n\nrailpost COMMAND --help says more.\n`;
}
