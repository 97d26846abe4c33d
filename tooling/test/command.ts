/**
 * Runs the tools behind the steps and keeps what they say. Output is bounded: of a tool that floods, the end is kept.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Root of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** How a command ended. */
export interface CommandResult {
  /** Exit code; 127 when it could not be started, 128 when a signal ended it. */
  readonly code: number;
  readonly output: string;
}

const keptCharacters = 200_000;

/** Runs a command to its end in `folder` (default: the root). Never rejects. */
export function runCommand(command: readonly string[], folder = root): Promise<CommandResult> {
  const [program = '', ...programArguments] = command;
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(program, programArguments, {
      cwd: folder,
      env: { ...process.env, NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1', CI: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-keptCharacters);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 128, output }));
  });
}

/** The last lines of an output. */
export function tail(output: string, lines = 60): string {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}
