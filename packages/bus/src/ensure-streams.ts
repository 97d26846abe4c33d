/**
 * Creates the streams, durable consumers and buckets of a platform (blueprint section 4). Idempotent: any process may call
 * it at any time. What may change is updated (limits, replicas, windows); what may not (retention, storage, subjects, the
 * generation in first_seq) is refused with an error that names the stream and the setting, because a stream that silently
 * lacks one of them loses mail. CORRUPT alone may be of an earlier generation: nothing counts on its sequences.
 */
import {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { RequestError, TimeoutError } from '@nats-io/transport-node';
import { cleanupConsumer, queueManagerConsumer } from '@railpost/contracts';
import type { Bus } from './bus.ts';
import { BusUnavailableError, IncompatibleStreamError } from './errors.ts';

const gibibyte = 1024 ** 3;
const unavailableStatus = 503;
const nanosecondsPerMs = 1_000_000;

/** Sequences of one generation; the next one starts at a multiple (durability rule 18). */
const sequencesPerGeneration = 2 ** 40;

/** The generation that a stream sequence is of, and so the epoch of an owner. */
export function generationOf(sequence: number): number {
  return Math.floor(sequence / sequencesPerGeneration);
}

/** What to create. */
export interface StreamSettings {
  /** Number of shards to create streams for; streams of further shards stay as they are (rule 13). */
  readonly shards: number;
  /** Generation of the spool, 1..8191; first sequence = generation * 2^40. */
  readonly generation: number;
  /** @default 1 */
  readonly replicas?: number;
  /** Octets of all streams of a kind together. @default 2 GiB, 2 GiB, 4 GiB */
  readonly maxBytes?: { readonly incoming: number; readonly active: number; readonly defer: number };
  /** How long a consumer may keep a message without a word. @default 30000 */
  readonly ackWaitMs?: number;
}

/**
 * Makes everything exist.
 * @throws IncompatibleStreamError; BusUnavailableError when JetStream does not answer (call again); client errors when it refuses
 */
export async function ensureStreams(bus: Bus, settings: StreamSettings): Promise<void> {
  try {
    await ensureAll(bus, settings);
  } catch (error) {
    const isUnanswered =
      error instanceof TimeoutError ||
      error instanceof RequestError ||
      (error instanceof JetStreamApiError && error.status === unavailableStatus);
    if (isUnanswered) throw new BusUnavailableError('JetStream does not answer', error);
    throw error;
  }
}

async function ensureAll(bus: Bus, settings: StreamSettings): Promise<void> {
  const { names } = bus;
  const bytes = settings.maxBytes ?? { incoming: 2 * gibibyte, active: 2 * gibibyte, defer: 4 * gibibyte };
  const common = commonConfig(settings);
  await ensureStream(bus, {
    ...common,
    name: names.incomingStream,
    subjects: [`${names.prefix}.in.>`],
    max_bytes: bytes.incoming,
  });
  await ensureStream(bus, {
    ...common,
    name: names.corruptStream,
    subjects: [`${names.prefix}.bad.>`],
    max_bytes: Math.ceil(gibibyte / 4),
  });
  for (let shard = 0; shard < settings.shards; shard += 1) {
    await ensureStream(bus, {
      ...common,
      name: names.activeStream(shard),
      subjects: [`${names.prefix}.act.${shard}.>`],
      max_bytes: Math.floor(bytes.active / settings.shards),
    });
    await ensureStream(bus, {
      ...common,
      name: names.deferStream(shard),
      subjects: [`${names.prefix}.def.${shard}.>`],
      max_bytes: Math.floor(bytes.defer / settings.shards),
      max_msgs_per_subject: 1,
    });
    await ensureConsumer(bus, names.activeStream(shard), queueManagerConsumer, settings);
  }
  await ensureConsumer(bus, names.incomingStream, cleanupConsumer, settings);
  await ensureBuckets(bus, settings);
}

/** Numbers of the shards whose streams exist, in order (rule 13: leases are taken for these). */
export async function listShards(bus: Bus): Promise<number[]> {
  const prefix = bus.names.activeStream(0).slice(0, -1);
  const shards: number[] = [];
  for await (const name of bus.manager.streams.names()) {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (/^\d+$/.test(rest)) shards.push(Number(rest));
  }
  return shards.sort((left, right) => left - right);
}

type WantedStream = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects' | 'first_seq'>;

function commonConfig(settings: StreamSettings): Partial<StreamConfig> & Pick<StreamConfig, 'first_seq'> {
  return {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    num_replicas: settings.replicas ?? 1,
    duplicate_window: 120_000 * nanosecondsPerMs,
    allow_atomic: true,
    allow_direct: true,
    first_seq: settings.generation * sequencesPerGeneration,
  };
}

async function ensureStream(bus: Bus, wanted: WantedStream): Promise<void> {
  const existing = await findStream(bus, wanted.name);
  if (existing === undefined) return addStream(bus, wanted);
  refuseIncompatible(existing, wanted, wanted.name === bus.names.corruptStream);
  const isSame =
    existing.max_bytes === wanted.max_bytes &&
    existing.num_replicas === wanted.num_replicas &&
    existing.duplicate_window === wanted.duplicate_window;
  if (isSame) return;
  const { first_seq: _fixed, ...changeable } = wanted;
  await bus.manager.streams.update(wanted.name, { ...existing, ...changeable });
}

/** Several processes may make the same stream at once; who comes second looks at what the first one made. */
async function addStream(bus: Bus, wanted: WantedStream): Promise<void> {
  try {
    await bus.manager.streams.add(wanted);
  } catch (error) {
    const existing = error instanceof JetStreamApiError ? await findStream(bus, wanted.name) : undefined;
    if (existing === undefined) throw error;
    refuseIncompatible(existing, wanted, wanted.name === bus.names.corruptStream);
  }
}

async function findStream(bus: Bus, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await bus.manager.streams.info(name)).config;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound)
      return undefined;
    throw error;
  }
}

function refuseIncompatible(existing: StreamConfig, wanted: WantedStream, isAnyGeneration: boolean): void {
  const fixed = ['retention', 'storage', 'discard', 'allow_atomic', 'allow_direct', 'first_seq'] as const;
  for (const key of fixed) {
    if (existing[key] === wanted[key] || (key === 'first_seq' && isAnyGeneration)) continue;
    throw new IncompatibleStreamError(
      `stream ${wanted.name} has ${key} ${String(existing[key])}, Railpost needs ${String(wanted[key])}`,
    );
  }
  const perSubject = wanted.max_msgs_per_subject ?? -1;
  if (existing.max_msgs_per_subject !== perSubject)
    throw new IncompatibleStreamError(
      `stream ${wanted.name} keeps ${existing.max_msgs_per_subject} messages per subject, Railpost needs ${perSubject}`,
    );
  if (existing.subjects.join() !== wanted.subjects.join())
    throw new IncompatibleStreamError(
      `stream ${wanted.name} has subjects ${existing.subjects.join()}, Railpost needs ${wanted.subjects.join()}`,
    );
}

/**
 * Postfix's active limit for the owners; less for cleanup, which holds whole header sections of what is in hand and has
 * no other bound on it.
 */
const ackPendingLimit: Readonly<Record<string, number>> = {
  [queueManagerConsumer]: 20_000,
  [cleanupConsumer]: 5_000,
};

async function ensureConsumer(
  bus: Bus,
  stream: string,
  durable: string,
  settings: StreamSettings,
): Promise<void> {
  const ackWait = (settings.ackWaitMs ?? 30_000) * nanosecondsPerMs;
  try {
    const { config } = await bus.manager.consumers.info(stream, durable);
    if (config.ack_policy !== AckPolicy.Explicit)
      throw new IncompatibleStreamError(`consumer ${durable} of ${stream} has no explicit acknowledgement`);
    if (config.ack_wait !== ackWait)
      await bus.manager.consumers.update(stream, durable, { ack_wait: ackWait });
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.ConsumerNotFound)
      throw error;
    await bus.manager.consumers.add(stream, {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      ack_wait: ackWait,
      max_ack_pending: ackPendingLimit[durable] ?? 20_000,
    });
  }
}

async function ensureBuckets(bus: Bus, settings: StreamSettings): Promise<void> {
  const kvm = new Kvm(bus.jetstream);
  const replicas = settings.replicas ?? 1;
  await kvm.create(bus.names.leaseBucket, { replicas, markerTTL: 60_000 });
  await kvm.create(bus.names.configurationBucket, { replicas });
}
