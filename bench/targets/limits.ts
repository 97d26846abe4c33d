/**
 * `npm run bench -- limits`: what this machine can do at best in each thing that a message needs: a sync of the disk, a segment of the
 * spool, a record on the bus, an SMTP transaction between two C programs. The budget per hop is read beside these.
 */
import { type FileHandle, link, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectBus, ensureStreams, openGroupPublisher } from '@railpost/bus';
import { startNatsServer } from '@railpost/testkit';
import { parseCount } from '../arguments.ts';
import { startSmtpSinkProcess } from '../load/smtp-sink.ts';
import { flood } from '../load/smtp-source.ts';
import { CpuMeter } from '../machine/cpu-meter.ts';
import type { Output, Target } from '../measurement.ts';
import { floodDomain } from '../platforms/platform.ts';
import { percentile } from '../statistics.ts';
import { formatFigure, formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- limits [flags]

What the machine can do at best: syncs, segments, records on the bus, SMTP between two C programs.

  --messages N  messages, and records on the bus (default 20000)
`;

const messageBytes = 5120;
const recordBytes = 600;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: { messages: { type: 'string', default: '20000' } },
  });
  const messages = parseCount('messages', values.messages);
  const rows: (readonly string[])[] = [];
  out.progress('disk');
  rows.push(await syncs(), await segments(1), await segments(20), await segments(100));
  out.progress('bus');
  for (const inFlight of [1, 50, 200])
    rows.push(await busRecords(inFlight, inFlight === 1 ? Math.ceil(messages / 10) : messages));
  out.progress('SMTP');
  rows.push(await smtp(messages, true), await smtp(Math.ceil(messages / 4), false));
  out.text('\nLimits of this machine (CPU of source and sink, or of nats-server)\n');
  out.text(formatTable(['', 'a second', 'p50 ms', 'p99 ms', 'CPU µs each'], rows));
  return [];
}

/** 5 KB appended to a file and synced, one after the other. */
async function syncs(): Promise<readonly string[]> {
  return inFolder(async (folder) => {
    const file = await open(join(folder, 'log'), 'a');
    const block = Buffer.alloc(messageBytes, 'x');
    const times = await repeat(300, async () => {
      await file.write(block);
      await file.datasync();
    });
    await file.close();
    return rowOf('5 KB appended and synced', times, 1);
  });
}

/** What the directory spool does for a segment: write, fdatasync, link, fsync of the folder. Told per message. */
async function segments(messages: number): Promise<readonly string[]> {
  return inFolder(async (folder) => {
    const directory: FileHandle = await open(folder, 'r');
    const content = Buffer.alloc(messages * messageBytes, 'x');
    let number = 0;
    const times = await repeat(200, async () => {
      number += 1;
      const draft = join(folder, `draft-${number}`);
      const file = await open(draft, 'wx');
      await file.write(content);
      await file.datasync();
      await file.close();
      await link(draft, join(folder, `segment-${number}`));
      await rm(draft);
      await directory.sync();
    });
    await directory.close();
    return rowOf(`segments of ${messages}, messages`, times, messages);
  });
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-limits-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function repeat(count: number, work: () => Promise<void>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return times;
}

function rowOf(what: string, times: readonly number[], messagesEach: number): readonly string[] {
  const totalMs = times.reduce((sum, each) => sum + each, 0);
  const rate = (times.length * messagesEach * 1000) / totalMs;
  return [what, rate, percentile(times, 0.5), percentile(times, 0.99), '-'].map((each) =>
    typeof each === 'string' ? each : formatFigure(each),
  );
}

/** Records of 600 octets published with group commit, each synced before its answer. */
async function busRecords(inFlight: number, count: number): Promise<readonly string[]> {
  const nats = await startNatsServer();
  const bus = await connectBus({ name: 'bench', servers: [nats.url], monitorUrls: [nats.monitorUrl] });
  try {
    await ensureStreams(bus, { shards: 1, generation: 1 });
    const publisher = openGroupPublisher(bus, bus.names.incomingStream);
    const payload = Buffer.alloc(recordBytes, 'x');
    const times: number[] = [];
    let next = 0;
    const meter = await CpuMeter.start({ rootPid: nats.pid, names: () => Promise.resolve(new Map()) });
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (next < count) {
          next += 1;
          const begunAt = performance.now();
          await publisher.publish(bus.names.incomingSubject(`bench${next}`), payload);
          times.push(performance.now() - begunAt);
        }
      }),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = await meter.end();
    const figures = [
      count / seconds,
      percentile(times, 0.5),
      percentile(times, 0.99),
      (cpu.totalMs * 1000) / count,
    ];
    return [`records on the bus, ${inFlight} in flight`, ...figures.map((figure) => formatFigure(figure))];
  } finally {
    await bus.close();
    await nats.stop();
  }
}

/** No mail system between these two ends can be faster. */
async function smtp(messages: number, isKept: boolean): Promise<readonly string[]> {
  const sink = await startSmtpSinkProcess();
  try {
    const meter = await CpuMeter.start({ rootPid: sink.pid, names: () => Promise.resolve(new Map()) });
    const load = { port: sink.port, sessions: 50, messages, bytes: messageBytes, isKept };
    const sent = await flood({ ...load, recipient: `x@${floodDomain}` });
    const lastAt = await sink.waitFor(messages);
    const cpu = await meter.end();
    const rate = messages / ((lastAt - sent.startedAt) / 1000);
    const each = ((cpu.totalMs + sent.cpuMs) * 1000) / messages;
    const kind = isKept ? 'kept connections' : 'one connection each';
    return [`smtp-source to smtp-sink, ${kind}`, formatFigure(rate), '-', '-', formatFigure(each)];
  } finally {
    await sink.stop();
  }
}
