/**
 * `npm run bench -- cpu-per-message`: Railpost alone between smtp-source and smtp-sink; CPU time per message by process. These
 * figures hold on a busy machine too, rates do not.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseBytes, parseCount } from '../arguments.ts';
import { type SmtpSinkProcess, startSmtpSinkProcess } from '../load/smtp-sink.ts';
import { type Flood, flood } from '../load/smtp-source.ts';
import type { Output, Target } from '../measurement.ts';
import { CpuMeter, readMemory } from '../machine/cpu-meter.ts';
import { readTree } from '../machine/processes.ts';
import { floodDomain } from '../platforms/platform.ts';
import { type Railpost, startRailpost } from '../platforms/railpost.ts';
import { formatFigure, formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- cpu-per-message [flags] [-- ARGUMENTS OF railpost up]

Railpost alone between smtp-source and smtp-sink: CPU time per message by process, and the rate.

  --messages N      messages to count (default 10000)
  --warm-up N       messages before that (default 4000)
  --sessions N      sessions at once (default 50)
  --size SIZE       size of the content (default 5k)
  --per-connection  a connection for each message; else connections are kept
  --rounds N        count so many times (default 1)
  --cpu-prof DIR    write a CPU profile of each Node process to DIR (see bench -- profile)
`;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      messages: { type: 'string', default: '10000' },
      'warm-up': { type: 'string', default: '4000' },
      sessions: { type: 'string', default: '50' },
      size: { type: 'string', default: '5k' },
      'per-connection': { type: 'boolean', default: false },
      rounds: { type: 'string', default: '1' },
      'cpu-prof': { type: 'string' },
    },
  });
  const load = {
    sessions: parseCount('sessions', values.sessions),
    messages: parseCount('messages', values.messages),
    bytes: parseBytes('size', values.size),
    isKept: !values['per-connection'],
    recipient: `x@${floodDomain}`,
  };
  const profiles = values['cpu-prof'] === undefined ? undefined : resolve(values['cpu-prof']);
  const sink = await startSmtpSinkProcess();
  const startedAt = performance.now();
  let warmMs = 0;
  const railpost = await startRailpost({
    farEnds: new Map([[floodDomain, sink.port]]),
    arguments: positionals,
    ...(profiles === undefined ? {} : { profiles }),
  });
  try {
    const warmUp = parseCount('warm-up', values['warm-up']);
    await flood({ ...load, port: railpost.port, messages: warmUp });
    await sink.waitFor(warmUp);
    warmMs = performance.now() - startedAt;
    for (let round = 0; round < parseCount('rounds', values.rounds); round += 1)
      out.text(await measure(railpost, sink, { ...load, port: railpost.port }));
    out.text(`\nPSS after the load, MB:\n${await memoryTable(railpost)}`);
  } finally {
    await railpost.stop();
    await sink.stop();
  }
  if (profiles === undefined) return [];
  const skip = Math.ceil(warmMs / 1000);
  out.text(`\nCPU profiles: npm run bench -- profile ${profiles} --skip ${skip}\n`);
  return [];
}

async function measure(railpost: Railpost, sink: SmtpSinkProcess, load: Flood): Promise<string> {
  const before = await sink.count();
  const meter = await CpuMeter.start(railpost);
  const sinkBefore = await cpuOf(sink.pid);
  const sent = await flood(load);
  const lastAt = await sink.waitFor(before + load.messages);
  const cpu = await meter.end();
  const sinkMs = (await cpuOf(sink.pid)) - sinkBefore;
  const perMessage = (ms: number): string => formatFigure((ms * 1000) / load.messages);
  const rows = [
    ...[...cpu.byName].map(([name, ms]) => [name, perMessage(ms)]),
    ['= Railpost', perMessage(cpu.totalMs)],
    ['smtp-source', perMessage(sent.cpuMs)],
    ['smtp-sink', perMessage(sinkMs)],
    ['whole machine, anybody', perMessage(cpu.machineMs)],
  ];
  const rate = load.messages / ((lastAt - sent.startedAt) / 1000);
  const acceptRate = load.messages / ((sent.acceptedAt - sent.startedAt) / 1000);
  const kind = load.isKept ? 'kept connections' : 'one connection per message';
  return `
${load.messages} messages of ${load.bytes} octets, ${load.sessions} sessions, ${kind}:
${rate.toFixed(0)} msg/s from first MAIL to last arrival, accepted at ${acceptRate.toFixed(0)} msg/s

${formatTable(['process', 'CPU µs per message'], rows)}`;
}

async function cpuOf(pid: number): Promise<number> {
  const tree = await readTree(pid);
  return tree.find((each) => each.pid === pid)?.cpuMs ?? 0;
}

async function memoryTable(railpost: Railpost): Promise<string> {
  const memory = await readMemory(railpost);
  const total = [...memory.values()].reduce((sum, each) => sum + each, 0);
  const rows = [...memory, ['all', total] as const].map(([name, mb]) => [name, mb.toFixed(0)]);
  return formatTable(['process', 'MB'], rows);
}
