/**
 * One round of one case against one mail system: a flood by smtp-source for rate, CPU time and memory; then, in the first round, a
 * short one in which syncs are counted; then a pass with numbered messages for the times to acceptance and to arrival.
 */
import { timesOf, waitForArrivals } from '../load/arrivals.ts';
import type { SmtpSinkProcess } from '../load/smtp-sink.ts';
import { type Flood, flood } from '../load/smtp-source.ts';
import type { TimedSink } from '../load/timed-sink.ts';
import { sendTimed } from '../load/timed-source.ts';
import { CpuMeter, readMemory } from '../machine/cpu-meter.ts';
import { countSyncs } from '../machine/syncs.ts';
import { type Platform, floodDomain, timedDomain } from '../platforms/platform.ts';
import { percentile } from '../statistics.ts';
import type { RelayCase } from './cases.ts';

/** Figures of a round. Times in milliseconds. */
export interface Round {
  /** Messages per second from the first MAIL to the last arrival. */
  readonly rate: number;
  /** Messages per second from the first MAIL to the last 250. */
  readonly acceptRate: number;
  /** From MAIL to 250. */
  readonly acceptP50: number;
  readonly acceptP99: number;
  /** From 250 to the end of data at the sink. */
  readonly arrivalP50: number;
  readonly arrivalP99: number;
  /** CPU time of all processes of the mail system, microseconds per message. */
  readonly cpu: number;
  readonly cpuByName: Readonly<Record<string, number>>;
  /** CPU time of the whole machine per message: source, sink and kernel included. */
  readonly machineCpu: number;
  /** Proportional set size of all processes right after the flood, MB. */
  readonly memory: number;
  readonly memoryByName: Readonly<Record<string, number>>;
  /** Syncs per message; only of the first round, and only where they can be counted. */
  readonly syncs?: number;
}

/** Where mail ends. */
export interface Sinks {
  readonly flood: SmtpSinkProcess;
  readonly timed: TimedSink;
}

/** Runs it. @throws Error when a message is refused, or missing a minute after the last that came */
export async function runRound(
  platform: Platform,
  sinks: Sinks,
  { relayCase, countsSyncs }: { readonly relayCase: RelayCase; readonly countsSyncs: boolean },
): Promise<Round> {
  const load: Flood = {
    port: platform.port,
    sessions: relayCase.sessions,
    messages: relayCase.messages,
    bytes: relayCase.bytes,
    isKept: relayCase.isKept,
    recipient: `x@${floodDomain}`,
  };
  const meter = await CpuMeter.start(platform);
  const before = await sinks.flood.count();
  const sent = await flood(load);
  const lastAt = await sinks.flood.waitFor(before + load.messages);
  const cpu = await meter.end();
  const memory = await readMemory(platform);
  const syncs = countsSyncs ? await syncsPerMessage(platform, sinks.flood, load) : undefined;
  const perMessage = (ms: number): number => (ms * 1000) / load.messages;
  return {
    rate: load.messages / ((lastAt - sent.startedAt) / 1000),
    acceptRate: load.messages / ((sent.acceptedAt - sent.startedAt) / 1000),
    ...(await timedPass(platform, sinks.timed, relayCase)),
    cpu: perMessage(cpu.totalMs),
    cpuByName: Object.fromEntries([...cpu.byName].map(([name, ms]) => [name, perMessage(ms)])),
    machineCpu: perMessage(cpu.machineMs),
    memory: [...memory.values()].reduce((sum, each) => sum + each, 0),
    memoryByName: Object.fromEntries(memory),
    ...(syncs === undefined ? {} : { syncs }),
  };
}

async function syncsPerMessage(
  platform: Platform,
  sink: SmtpSinkProcess,
  load: Flood,
): Promise<number | undefined> {
  const count = await countSyncs(platform);
  if (count === undefined) return undefined;
  const messages = Math.max(100, Math.ceil(load.messages / 4));
  const before = await sink.count();
  await flood({ ...load, messages });
  await sink.waitFor(before + messages);
  return (await count.end()) / messages;
}

type PassFigures = Pick<Round, 'acceptP50' | 'acceptP99' | 'arrivalP50' | 'arrivalP99'>;

/** Messages with numbers; the first sixteenth, while the sessions begin, is not counted. */
async function timedPass(platform: Platform, sink: TimedSink, relayCase: RelayCase): Promise<PassFigures> {
  sink.arrivals.clear();
  const messages = relayCase.timedMessages;
  const accepted = await sendTimed({
    ...{ port: platform.port, sessions: relayCase.sessions, bytes: relayCase.bytes, messages },
    ...{ isKept: relayCase.isKept, recipient: () => `x@${timedDomain}` },
  });
  await waitForArrivals(sink, messages);
  const counted = new Map([...accepted].filter(([number]) => number >= messages / 16));
  const { accepts, arrivals } = timesOf(counted, sink);
  return {
    acceptP50: percentile(accepts, 0.5),
    acceptP99: percentile(accepts, 0.99),
    arrivalP50: percentile(arrivals, 0.5),
    arrivalP99: percentile(arrivals, 0.99),
  };
}
