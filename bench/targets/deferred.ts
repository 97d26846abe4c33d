/** `npm run bench -- deferred`: what a queue manager needs to take over a shard with a million deferred jobs: time and memory. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseCount } from '../arguments.ts';
import { readPssMb, readTree } from '../machine/processes.ts';
import type { Output, Target } from '../measurement.ts';
import { writeDeferredQueue } from '../platforms/deferred-queue.ts';
import { readMetric } from '../platforms/metrics.ts';
import { type Railpost, startRailpost } from '../platforms/railpost.ts';
import { formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- deferred [flags]

Start of a queue manager that finds a million deferred jobs: time to load them, memory afterwards.

  --jobs N          deferred jobs (default 1000000)
  --destinations N  that they are for (default 1000)
  --cpu-prof DIR    write CPU profiles of the processes to DIR
`;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      jobs: { type: 'string', default: '1000000' },
      destinations: { type: 'string', default: '1000' },
      'cpu-prof': { type: 'string' },
    },
  });
  const jobs = parseCount('jobs', values.jobs);
  const folder = await mkdtemp(join(tmpdir(), 'railpost-deferred-'));
  try {
    await writeDeferredQueue(
      { folder, jobs, destinations: parseCount('destinations', values.destinations) },
      out,
    );
    out.progress('starting with them');
    const railpost = await startRailpost({
      ...{ folder, farEnds: new Map() },
      ...(values['cpu-prof'] === undefined ? {} : { profiles: resolve(values['cpu-prof']) }),
    });
    try {
      const deadline = performance.now() + 900_000;
      while (((await readMetric(railpost, 'railpost_queue_jobs')) ?? 0) < jobs) {
        if (performance.now() > deadline)
          throw new Error('the queue manager did not load the jobs within a quarter of an hour');
        await sleep(200);
      }
      const seconds = (await readMetric(railpost, 'railpost_takeover_seconds_sum')) ?? Number.NaN;
      const cpuMs = await cpuOfOwner(railpost);
      // What was needed for loading only is given back soon.
      await sleep(10_000);
      const pid = await pidOfOwner(railpost);
      const pss = await readPssMb(pid);
      const peak = await peakMb(pid);
      out.text(`\nA queue manager with ${jobs} deferred jobs\n`);
      out.text(
        formatTable(
          ['', ''],
          [
            ['from the lease to the first dispatch', `${seconds.toFixed(2)} s`],
            ['CPU time of the process until then, its start included', `${(cpuMs / 1000).toFixed(2)} s`],
            ['PSS ten seconds later', `${pss.toFixed(0)} MB`],
            ['largest resident set so far', `${peak.toFixed(0)} MB`],
          ],
        ),
      );
      return [
        { name: `${jobs} deferred jobs loaded`, value: seconds, unit: 's', atMost: 10 },
        { name: `memory of the owner of ${jobs} deferred jobs`, value: pss, unit: 'MB', atMost: 400 },
      ];
    } finally {
      await railpost.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function pidOfOwner(railpost: Railpost): Promise<number> {
  const names = [...(await railpost.names())];
  return names.find(([, name]) => name.startsWith('queue-manager'))?.[0] ?? 0;
}

async function cpuOfOwner(railpost: Railpost): Promise<number> {
  const [owner] = await readTree(await pidOfOwner(railpost));
  return owner?.cpuMs ?? Number.NaN;
}

async function peakMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}
