/**
 * Runs the tools of the machine (npm, pip, go, tar) quietly: their output is kept and shown only when they fail.
 * A tool that does not exist is an answer (`isMissing`), not an exception.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * @typedef {object} CommandResult
 * @property {number} code exit code; 127 when missing, 124 when it took too long, 128 + n when a signal ended it
 * @property {boolean} isMissing there is no such command
 * @property {string} output stdout and stderr together, its last 64 KiB
 */

const keptOutput = 65_536;

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {readonly string[]} commandArguments
 * @param {{ cwd?: string, environment?: NodeJS.ProcessEnv, timeoutMs?: number }} [options]
 * @returns {Promise<CommandResult>}
 */
export function runQuietly(command, commandArguments, options = {}) {
  return new Promise((resolve) => {
    let output = '';
    let isLate = false;
    const child = spawn(command, [...commandArguments], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.environment ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            isLate = true;
            child.kill('SIGKILL');
          }, options.timeoutMs);
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString('utf8')).slice(-keptOutput);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => {
      clearTimeout(timer);
      const isMissing = 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES');
      resolve({ code: isMissing ? 127 : 126, isMissing, output: `${output}${error.message}\n` });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: isLate ? 124 : (code ?? 137), isMissing: false, output });
    });
  });
}

/**
 * The first executable file of this name in PATH, leaving out the given folders.
 * @param {string} name
 * @param {{ path?: string | undefined, except?: readonly string[] }} [options]
 * @returns {string | undefined}
 */
export function findInPath(name, options = {}) {
  const folders = (options.path ?? process.env['PATH'] ?? '').split(delimiter);
  for (const folder of folders) {
    if (folder === '' || options.except?.includes(folder)) continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here, or not ours to run: the next folder of PATH may have it.
    }
  }
  return undefined;
}
