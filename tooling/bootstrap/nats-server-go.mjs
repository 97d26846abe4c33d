/**
 * nats-server built by Go from the go.mod committed in tooling/nats-server: the last source, because it takes half a
 * minute and a Go toolchain. go.sum holds every module to its checksum.
 */
import { join } from 'node:path';
import { runQuietly } from './command.mjs';

/**
 * @param {import('./nats-server.mjs').Request} request
 * @returns {Promise<{ file: string } | { reason: string }>}
 */
export async function buildWithGo({ folder, places }) {
  const file = join(folder, 'nats-server');
  const result = await runQuietly(
    'go',
    ['build', '-trimpath', '-ldflags=-s -w', '-o', file, 'github.com/nats-io/nats-server/v2'],
    { cwd: join(places.root, 'tooling', 'nats-server'), environment: { ...process.env, CGO_ENABLED: '0' } },
  );
  if (result.isMissing) return { reason: 'go is missing' };
  if (result.code !== 0)
    return { reason: `go build failed: ${result.output.trim().split('\n').at(-1) ?? ''}` };
  return { file };
}
