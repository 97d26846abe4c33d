/** Which peers a machine lacks is told by looking for their programs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { missingPeers } from './peers.ts';

it('finds a peer by its program in PATH, and misses it without', () => {
  const folder = mkdtempSync(join(tmpdir(), 'railpost-peers-'));
  const isMissing = () => missingPeers(folder, []).some((peer) => peer.name === 'versitygw');
  try {
    const before = isMissing();
    writeFileSync(join(folder, 'versitygw'), '', { mode: 0o644 });
    const withPlainFile = isMissing();
    rmSync(join(folder, 'versitygw'));
    writeFileSync(join(folder, 'versitygw'), '', { mode: 0o755 });

    expect([before, withPlainFile, isMissing()]).toEqual([true, true, false]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
