/**
 * Runs the task as a child with Node 24 and our tools first in PATH, and stands in for it: arguments, signals, exit code.
 * Ctrl-C reaches the whole process group of a terminal and npm passes it on besides, so a child in our group would hear
 * it two or three times and take the second for "now at once". The child therefore has a session of its own and hears
 * each signal once, from us; a second Ctrl-C later than a moment counts as a second one.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { nodePath } from './node-24.mjs';
import { SetupError } from './setup-error.mjs';

/** @type {readonly NodeJS.Signals[]} */
const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];
const daemonFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
/** Signals of one kind within this time are one key press. */
const sameEventMs = 400;

/**
 * Runs the task; resolves to its exit code (128 + n when a signal ended it).
 * @param {import('./tasks.mjs').Task} task
 * @param {readonly string[]} taskArguments
 * @param {import('./places.mjs').Places} places
 * @returns {Promise<number>}
 */
export function runTask(task, taskArguments, places) {
  const command = task.program.endsWith('.ts') ? nodePath(places) : join(places.toolFolder, task.program);
  const script = task.program.endsWith('.ts') ? [inRoot(task.program, places)] : [];
  const passSignalsTo = listenForSignals();
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...script, ...task.arguments, ...taskArguments], {
      cwd: task.keepsFolder ? process.cwd() : places.root,
      env: environmentOf(places),
      stdio: 'inherit',
      detached: true,
    });
    passSignalsTo(child);
    child.on('error', (error) => {
      reject(new SetupError(`${command} does not start: ${error.message}`, { cause: error }));
    });
    child.on('close', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * Our environment with Node 24 and our own binaries first in PATH, and last the folders of daemons, which a user's PATH
 * often leaves out: test peers (smtp-sink, dovecot) lie there.
 * @param {import('./places.mjs').Places} places
 * @returns {NodeJS.ProcessEnv}
 */
function environmentOf(places) {
  const path = [places.toolFolder, places.binFolder, process.env['PATH'] ?? '', ...daemonFolders].join(
    delimiter,
  );
  return { ...process.env, PATH: path };
}

/**
 * @param {string} file
 * @param {import('./places.mjs').Places} places
 */
function inRoot(file, places) {
  return isAbsolute(file) ? file : join(places.root, file);
}

/**
 * Takes signals over from now to our end: before the child exists one would kill us and leave it behind, and after it
 * ended a late repeat would replace its exit code.
 * @returns {(child: import('node:child_process').ChildProcess) => void} names the child that gets them
 */
function listenForSignals() {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let receiver;
  /** @type {Map<NodeJS.Signals, number>} */
  const lastMs = new Map();
  for (const name of passedOn)
    process.on(name, (signal) => {
      const nowMs = performance.now();
      const isRepeat = nowMs - (lastMs.get(signal) ?? -Infinity) < sameEventMs;
      lastMs.set(signal, nowMs);
      if (!isRepeat) receiver?.kill(signal);
    });
  return (child) => {
    receiver = child;
  };
}
