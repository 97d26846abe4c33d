/** `npm run bench -- memory`: memory of the whole platform when it has nothing to do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseCount } from '../arguments.ts';
import { readMemory } from '../machine/cpu-meter.ts';
import type { Output, Target } from '../measurement.ts';
import { startRailpost } from '../platforms/railpost.ts';
import { formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- memory [flags]

Memory of the whole platform a minute after it is ready: proportional set sizes, nats-server and railpost up included.

  --seconds N  how long after ready (default 60)
`;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({ args: [...args], options: { seconds: { type: 'string', default: '60' } } });
  const seconds = parseCount('seconds', values.seconds);
  const railpost = await startRailpost({ farEnds: new Map() });
  try {
    out.progress(`ready after ${(railpost.readyMs / 1000).toFixed(1)} s; waiting ${seconds} s`);
    await sleep(seconds * 1000);
    const memory = await readMemory(railpost);
    const total = [...memory.values()].reduce((sum, each) => sum + each, 0);
    const rows = [...memory, ['all', total] as const].map(([name, mb]) => [name, mb.toFixed(0)]);
    out.text(`\nPSS ${seconds} s after ready, MB (ready in ${(railpost.readyMs / 1000).toFixed(1)} s)\n`);
    out.text(formatTable(['process', 'MB'], rows));
    return [{ name: 'whole platform, 60 s after ready', value: total, unit: 'MB', atMost: 700 }];
  } finally {
    await railpost.stop();
  }
}
