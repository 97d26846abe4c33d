/**
 * Bootstrap as a story: find the task, bring what it needs, run it. Everything is checked on each start, which costs a
 * few dozen milliseconds when nothing is missing; only when something is do we take the lock and work.
 * A failure is one line on stderr and exit code 69 (EX_UNAVAILABLE); details are in .cache/setup.log.
 */
import { isInstalled, install } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { hasNatsServer, provideNatsServer } from './nats-server.mjs';
import { checkNode } from './node-24.mjs';
import { places } from './places.mjs';
import { runTask } from './run-task.mjs';
import { readSettings } from './settings.mjs';
import { SetupError } from './setup-error.mjs';
import { tasks } from './tasks.mjs';

const unavailable = 69;
const usage = 64;

/**
 * Runs one task. Resolves to the exit code for the process; never rejects.
 * @param {readonly string[]} argv task name, then its arguments
 * @returns {Promise<number>}
 */
export async function main(argv) {
  const [name, ...rest] = argv;
  const task = tasks.find((candidate) => candidate.name === name);
  if (task === undefined) {
    console.error(
      `railpost: no task "${name ?? ''}"; there are: ${tasks.map((each) => each.name).join(', ')}`,
    );
    return usage;
  }
  try {
    await setUp(task);
    return await runTask(task, rest, places);
  } catch (error) {
    if (error instanceof SetupError) console.error(`railpost: ${error.message}`);
    else console.error('railpost: setting up failed by a fault of its own:', error);
    return unavailable;
  }
}

/** @param {import('./tasks.mjs').Task} task */
async function setUp(task) {
  const settings = readSettings();
  if (!(await isReady(task))) {
    await withLock(places.lockFile, async () => {
      if (!isInstalled(places)) await install(places);
      checkNode(places);
      if (task.needsNats && !(await hasNatsServer(places))) await provideNatsServer(places, settings);
    });
  }
  checkNode(places);
}

/** @param {import('./tasks.mjs').Task} task */
async function isReady(task) {
  return isInstalled(places) && (!task.needsNats || (await hasNatsServer(places)));
}
