/**
 * nats-server from its official release: a tar.gz by HTTPS, held to the committed SHA-256 before anything is unpacked.
 * Out of reach, it must be known within 3 s, so that a machine behind a closed network loses no time here.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './command.mjs';
import { download } from './download.mjs';

/**
 * @param {import('./nats-server.mjs').Request} request
 * @returns {Promise<{ file: string } | { reason: string }>}
 */
export async function fetchRelease({ pins, platform, folder, settings }) {
  const sha256 = pins.release.sha256[platform];
  if (sha256 === undefined) return { reason: `no checksum is pinned for ${platform}` };
  const name = `nats-server-v${pins.version}-${platform}`;
  const outcome = await download(`${settings.natsReleasesUrl}/v${pins.version}/${name}.tar.gz`, sha256);
  if ('reason' in outcome) return outcome;
  const archive = join(folder, 'release.tar.gz');
  writeFileSync(archive, outcome.bytes);
  const unpacked = await runQuietly('tar', ['-xzf', archive, '-C', folder, `${name}/nats-server`]);
  if (unpacked.isMissing) return { reason: 'tar is missing' };
  if (unpacked.code !== 0) return { reason: `tar failed: ${unpacked.output.split('\n')[0]}` };
  return { file: join(folder, name, 'nats-server') };
}
