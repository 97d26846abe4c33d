/**
 * Where messages are (durability rule 20), in the direction of their way, so that one which moves on while we look is met further on:
 * INCOMING, ACTIVE, their owners and DEFER, CORRUPT. The journal comes last and is not asked here. Rejects when somebody who may know
 * does not answer: then nothing can be said.
 */
import { type Bus, BusUnavailableError, ask, listShards, readStream } from '@railpost/bus';
import {
  ControlReply,
  type ControlRequest,
  CorruptRecord,
  DeliveryJob,
  encodeRecord,
  knownQuestionLimit,
  parseRecord,
} from '@railpost/contracts';

const answerMs = 5000;

/** What owners say of messages. */
export interface OwnersWord {
  /** Messages that no owner has a job of, or of which an owner has lost one. */
  readonly unknown: readonly string[];
  /** Of those: what owners have journalled lately, originals that one entry alone finished (bit 2^orig). */
  readonly journalled: ReadonlyMap<string, number>;
}

/** Asks all owners. @throws BusUnavailableError when one does not answer */
export async function askOwners(bus: Bus, queueIds: readonly string[]): Promise<OwnersWord> {
  const shards = await listShards(bus);
  const unknown: string[] = [];
  const journalled = new Map<string, number>();
  for (let start = 0; start < queueIds.length; start += knownQuestionLimit) {
    const part = queueIds.slice(start, start + knownQuestionLimit);
    const replies = await Promise.all(shards.map((shard) => askOwner(bus, shard, part)));
    const unknownTo = replies.map((reply) => new Set(reply.unknown ?? []));
    const lost = new Set(replies.flatMap((reply) => reply.lost ?? []));
    unknown.push(...part.filter((each) => lost.has(each) || unknownTo.every((ids) => ids.has(each))));
    for (const [queueId, originals] of replies.flatMap((reply) => reply.journalled ?? []))
      journalled.set(queueId, (journalled.get(queueId) ?? 0) | originals);
  }
  return { unknown, journalled };
}

async function askOwner(bus: Bus, shard: number, queueIds: readonly string[]): Promise<ControlReply> {
  const request: ControlRequest = { operation: 'unknown', queueIds: [...queueIds] };
  const answer = await ask(bus, bus.names.controlSubject(shard), encodeRecord(request), answerMs);
  const reply = answer instanceof Uint8Array ? ControlReply.safeParse(parseRecord(answer)) : undefined;
  if (reply?.success !== true || reply.data.unknown === undefined)
    throw new BusUnavailableError(`the owner of shard ${shard} does not answer`);
  return reply.data;
}

/** Of the messages, those that are nowhere in NATS, and what owners say of them now. @throws BusUnavailableError */
export async function missingInQueue(
  bus: Bus,
  queueIds: readonly string[],
  signal: AbortSignal,
): Promise<OwnersWord> {
  const left = new Set(queueIds);
  const { names } = bus;
  const incomingPrefix = names.incomingSubject('');
  await readStream(
    bus,
    names.incomingStream,
    ({ subject }) => left.delete(subject.slice(incomingPrefix.length)),
    signal,
  );
  for (const shard of await listShards(bus)) {
    if (left.size === 0) return { unknown: [], journalled: new Map() };
    await readStream(
      bus,
      names.activeStream(shard),
      ({ payload }) => left.delete(queueIdOf(DeliveryJob, payload)),
      signal,
    );
  }
  const word = await askOwners(bus, [...left]);
  const unknown = new Set(word.unknown);
  await readStream(
    bus,
    names.corruptStream,
    ({ payload }) => unknown.delete(queueIdOf(CorruptRecord, payload)),
    signal,
  );
  signal.throwIfAborted();
  return { ...word, unknown: [...unknown] };
}

/** Empty when the record cannot be read: then it says nothing about a message. */
function queueIdOf(schema: typeof DeliveryJob | typeof CorruptRecord, payload: Uint8Array): string {
  try {
    return schema.parse(parseRecord(payload)).queueId ?? '';
  } catch {
    // Whoever consumes it puts it aside.
    return '';
  }
}
