/**
 * `npm run bench -- scale`: does a message cost more when there are more processes, destinations or deferred jobs? Mail for many domains
 * comes in at a listener for trusted clients and goes to the MX of each domain, all of which are one sink.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseCount, parseCounts } from '../arguments.ts';
import { startSmtpSinkProcess } from '../load/smtp-sink.ts';
import { sendTimed } from '../load/timed-source.ts';
import { startWildcardDns } from '../load/wildcard-dns.ts';
import { CpuMeter } from '../machine/cpu-meter.ts';
import type { Output, Target } from '../measurement.ts';
import { writeDeferredQueue } from '../platforms/deferred-queue.ts';
import { readMetric } from '../platforms/metrics.ts';
import { type Railpost, startRailpost } from '../platforms/railpost.ts';
import { formatFigure, formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- scale [flags]

CPU time per message with 1 and 2 processes per service, with few and many destinations, with 0 and 1 million deferred jobs.

  --messages N         messages of each case; at least as many as destinations (default 20000)
  --processes LIST     processes per service (default 1,2)
  --destinations LIST  destinations (default 10,1000,100000)
  --deferred N         deferred jobs of the cases that have any (default 1000000)
`;

const services = ['smtp-ingress', 'cleanup', 'queue-manager', 'delivery-smtp'];

interface ScaleCase {
  readonly processes: number;
  readonly destinations: number;
  readonly deferred: number;
}

interface CaseFigures {
  readonly scaleCase: ScaleCase;
  /** CPU microseconds per message of all processes. */
  readonly cpu: number;
  readonly cpuByService: ReadonlyMap<string, number>;
  readonly rate: number;
}

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      messages: { type: 'string', default: '20000' },
      processes: { type: 'string', default: '1,2' },
      destinations: { type: 'string', default: '10,1000,100000' },
      deferred: { type: 'string', default: '1000000' },
    },
  });
  const messages = parseCount('messages', values.messages);
  const deferred = parseCount('deferred', values.deferred);
  const folder = await mkdtemp(join(tmpdir(), 'railpost-scale-'));
  const figures: CaseFigures[] = [];
  try {
    await writeDeferredQueue({ folder, jobs: deferred, destinations: 1000 }, out);
    for (const processes of parseCounts('processes', values.processes))
      for (const destinations of parseCounts('destinations', values.destinations))
        for (const jobs of [0, deferred]) {
          const scaleCase = { processes, destinations, deferred: jobs };
          out.progress(nameOf(scaleCase));
          figures.push(await measure(scaleCase, { messages, folder }));
        }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  out.text(`\nCPU µs per message and messages per second, 5 KB, 50 kept sessions\n`);
  const columns = [...services, 'nats-server'];
  const rows = figures.map(({ scaleCase, cpu, cpuByService, rate }) => [
    nameOf(scaleCase),
    ...[cpu, ...columns.map((name) => cpuByService.get(name) ?? Number.NaN), rate].map((each) =>
      formatFigure(each),
    ),
  ]);
  out.text(formatTable(['', 'all', ...columns, 'msg/s'], rows));
  return targetsOf(figures);
}

function nameOf({ processes, destinations, deferred }: ScaleCase): string {
  return `${processes} per service, ${destinations} destinations, ${deferred} deferred`;
}

/** A deferred job may not make others dearer: a tenth is what one run differs from the next. */
function targetsOf(figures: readonly CaseFigures[]): readonly Target[] {
  return figures.flatMap(({ scaleCase, cpu }) => {
    const { processes, destinations, deferred } = scaleCase;
    const without = figures.find(
      ({ scaleCase: other }) =>
        other.processes === processes && other.destinations === destinations && other.deferred === 0,
    );
    if (deferred === 0 || without === undefined) return [];
    const name = `cost with ${deferred} deferred jobs, ${processes} per service, ${destinations} destinations`;
    return [{ name, value: cpu / without.cpu, unit: 'x that without', atMost: 1.1 }];
  });
}

async function measure(
  scaleCase: ScaleCase,
  { messages, folder }: { readonly messages: number; readonly folder: string },
): Promise<CaseFigures> {
  const dns = await startWildcardDns();
  const sink = await startSmtpSinkProcess();
  try {
    const railpost = await startRailpost({
      farEnds: new Map(),
      listener: 'role: Internal, trustedNetworks: [127.0.0.0/8]',
      arguments: argumentsOf(scaleCase, { dns: dns.address, sinkPort: sink.port }),
      ...(scaleCase.deferred === 0 ? {} : { folder }),
    });
    try {
      await waitForJobs(railpost, scaleCase.deferred);
      await send(railpost, { ...scaleCase, destinations: 10 }, 2000);
      await sink.waitFor(2000);
      const meter = await CpuMeter.start(railpost);
      const startedAt = performance.now();
      const count = Math.max(messages, scaleCase.destinations);
      await send(railpost, scaleCase, count);
      const lastAt = await sink.waitFor(2000 + count);
      const cpu = await meter.end();
      const cpuByService = new Map<string, number>();
      for (const [name, ms] of cpu.byName) {
        const service = name.replace(/-\d+$/, '');
        cpuByService.set(service, (cpuByService.get(service) ?? 0) + (ms * 1000) / count);
      }
      const rate = (count * 1000) / (lastAt - startedAt);
      return { scaleCase, cpu: (cpu.totalMs * 1000) / count, cpuByService, rate };
    } finally {
      await railpost.stop();
    }
  } finally {
    await sink.stop();
    dns.close();
  }
}

function argumentsOf(
  { processes }: ScaleCase,
  at: { readonly dns: string; readonly sinkPort: number },
): readonly string[] {
  return [
    ...['--dns-servers', at.dns, '--set', `delivery-smtp.smtp-port=${at.sinkPort}`],
    ...services.flatMap((service) => ['--replicas', `${service}=${processes}`]),
  ];
}

async function waitForJobs(railpost: Railpost, jobs: number): Promise<void> {
  const deadline = performance.now() + 900_000;
  while (((await readMetric(railpost, 'railpost_queue_jobs')) ?? 0) < jobs) {
    if (performance.now() > deadline)
      throw new Error('the deferred jobs were not loaded within a quarter of an hour');
    await sleep(200);
  }
}

/** To all ingress processes, the second of which has its ports 1000 above the first's. */
async function send(
  railpost: Railpost,
  { processes, destinations }: ScaleCase,
  messages: number,
): Promise<void> {
  const each = Math.ceil(messages / processes);
  await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      sendTimed({
        port: railpost.port + index * 1000,
        sessions: Math.ceil(50 / processes),
        messages: Math.min(each, messages - index * each),
        firstNumber: index * each,
        ...{ bytes: 5120, isKept: true },
        recipient: (number) => `x@d${number % destinations}.many.test`,
      }),
    ),
  );
}
