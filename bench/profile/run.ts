/** `npm run bench -- profile`: tables and flame graphs of what `cpu-per-message --cpu-prof DIR` has written. */
import { readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError, parseCount } from '../arguments.ts';
import type { Output, Target } from '../measurement.ts';
import { readCpuProfile } from './cpu-profile.ts';
import { drawFlame } from './flame.ts';
import { formatTop } from './top.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- profile FILE|DIR... [flags]

Tables (by owner of the code, by function) of CPU profiles, and a flame graph beside each (NAME.svg).

  --top N      rows of each table (default 20)
  --skip SECS  leave out the first seconds: start and warm-up (default 0)
`;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { top: { type: 'string', default: '20' }, skip: { type: 'string', default: '0' } },
  });
  if (positionals.length === 0) throw new UsageError('name a profile or a folder of profiles');
  const files = (await Promise.all(positionals.map(filesOf))).flat();
  if (files.length === 0) throw new UsageError(`there is no .cpuprofile in ${positionals.join(', ')}`);
  for (const file of files) {
    const root = await readCpuProfile(file, Number(values.skip) * 1000);
    const name = basename(file, '.cpuprofile');
    out.text(`\n## ${name}: ${formatTop(root, parseCount('top', values.top))}`);
    await writeFile(file.replace(/\.cpuprofile$/, '.svg'), drawFlame(root, name));
  }
  return [];
}

async function filesOf(path: string): Promise<readonly string[]> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) throw new UsageError(`${path} does not exist`);
  if (!facts.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith('.cpuprofile'));
  return names.toSorted().map((name) => join(path, name));
}
