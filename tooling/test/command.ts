/**
 * Runs the tools behind the steps and keeps what they say. Output is bounded: of a tool that floods, the end is kept. Time is
 * bounded, too: a tool that hangs is killed with all it started, and its step fails with what it said until then.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Root of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** How a command ended. */
export interface CommandResult {
  /** Exit code; 124 when it took too long, 127 when it could not be started, 128 when a signal ended it. */
  readonly code: number;
  readonly output: string;
}

const keptCharacters = 200_000;
/** Far more than the longest step takes on two cores. */
const limitMs = 25 * 60_000;

/** Runs a command to its end in `folder` (default: the root). Never rejects. */
export function runCommand(
  command: readonly string[],
  folder = root,
  timeoutMs = limitMs,
): Promise<CommandResult> {
  const [program = '', ...programArguments] = command;
  return new Promise((resolve) => {
    let output = '';
    let isLate = false;
    const child = spawn(program, programArguments, {
      cwd: folder,
      // A process group of its own, so that nothing it started outlives it.
      detached: true,
      env: { ...process.env, NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1', CI: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-keptCharacters);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const { pid = 0 } = child;
    running.add(pid);
    const timer = setTimeout(() => {
      isLate = true;
      output += `\nstill running after ${Math.round(timeoutMs / 1000)} s: killed`;
      killGroup(pid);
    }, timeoutMs);
    const end = (result: CommandResult) => {
      clearTimeout(timer);
      running.delete(pid);
      resolve(result);
    };
    child.on('error', (error) => end({ code: 127, output: `${output}${error.message}` }));
    child.on('close', (code) => end({ code: isLate ? 124 : (code ?? 128), output }));
  });
}

/** Groups of the commands that run now. They are not the terminal's group: whoever interrupts us means them, too. */
const running = new Set<number>();
process.once('exit', () => {
  for (const pid of running) killGroup(pid);
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

function killGroup(pid: number): void {
  try {
    if (pid > 0) process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended by itself.
  }
}

/** The last lines of an output. */
export function tail(output: string, lines = 60): string {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}
