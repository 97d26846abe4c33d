/**
 * Where bootstrap keeps things. All of it is outside the tracked files: node_modules/ and .cache/ are ignored by git.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Places
 * @property {string} root the repository
 * @property {string} toolFolder the tools that npm brings, `node` (v24) among them
 * @property {string} binFolder the binaries that npm does not bring: nats-server, versitygw
 * @property {string} stampFile says for which package files node_modules was installed
 * @property {string} lockFile held by the one process that is setting up
 * @property {string} logFile output of the last command that failed
 */

/**
 * The places of a repository.
 * @param {string} root
 * @returns {Places}
 */
export function placesOf(root) {
  return {
    root,
    toolFolder: join(root, 'node_modules', '.bin'),
    binFolder: join(root, '.cache', 'bin'),
    stampFile: join(root, 'node_modules', '.railpost-stamp'),
    lockFile: join(root, '.cache', 'setup.lock'),
    logFile: join(root, '.cache', 'setup.log'),
  };
}

/** The places of this repository. */
export const places = placesOf(fileURLToPath(new URL('../../', import.meta.url)));
