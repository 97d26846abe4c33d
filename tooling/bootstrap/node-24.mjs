/**
 * Node 24 comes as the npm package `node`, so that every machine runs the services with the very same one, whatever
 * Node it has. Its file is put in place by an install script: where scripts are switched off there is none.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

const wantedMajor = 24;

/**
 * The Node 24 of this repository.
 * @param {import('./places.mjs').Places} places
 * @returns {string} path of the executable
 */
export function nodePath(places) {
  return join(places.toolFolder, 'node');
}

/**
 * Makes sure that it is there and is v24.
 * @param {import('./places.mjs').Places} places
 */
export function checkNode(places) {
  const file = nodePath(places);
  const result = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  if (result.error !== undefined || result.status !== 0)
    throw new SetupError(
      `${file} does not run (${result.error?.message ?? `exit code ${result.status}`}): remove node_modules and start again; npm must be allowed to run install scripts (npm config get ignore-scripts)`,
    );
  const version = result.stdout.trim();
  if (!version.startsWith(`v${wantedMajor}.`))
    throw new SetupError(`${file} is ${version}, not v${wantedMajor}: remove node_modules and start again`);
}
