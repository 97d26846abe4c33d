/**
 * `railpost queue requeue`: puts messages of CORRUPT back to the beginning of the queue, as Postfix's `postsuper -r` does: envelope and
 * content from the spool by queue id, so that it does not matter which record was damaged; what the journal calls finished is not
 * delivered again. The record of CORRUPT goes last, so a command that dies in between is simply repeated.
 */
import { type Bus, StreamFullError, openGroupPublisher } from '@railpost/bus';
import { encodeIncomingHead } from '@railpost/contracts';
import { type ObjectStore, openObjectStore } from '@railpost/spool';
import { Complaint } from '../complaint.ts';
import type { Platform } from '../platform/open-platform.ts';
import { type CorruptEntry, findCorrupt, removeCorrupt } from './corrupt-records.ts';
import { type FoundMessage, contentProblem, findSpooled } from './find-spooled.ts';
import { type MessageHistory, readHistory } from './message-history.ts';

/** What became of one id. */
export interface RequeueResult {
  readonly id: string;
  readonly isSaved: boolean;
  /** One sentence each: what was done, what cannot be saved and why, what to do. */
  readonly says: readonly string[];
}

const publishLimitMs = 10_000;

/** Puts back what the id names: a message, or a record of CORRUPT. @throws Complaint when CORRUPT has nothing of it */
export async function requeue(platform: Platform, id: string): Promise<RequeueResult> {
  const { bus, spool } = platform;
  const entries = await findCorrupt(bus, id);
  if (entries.length === 0) throw new Complaint(`the corrupt queue has nothing of ${id}`);
  if (spool === undefined)
    throw new Complaint('a message can only be put back from the spool; name it with --spool');
  const queueIds = [...new Set(entries.flatMap((each) => each.queueIds))];
  if (queueIds.length === 0)
    return refusal(id, [
      'the record names no message that could be looked for in the spool',
      'if a message is missing, railpost recover puts it back; railpost queue delete removes the record',
    ]);
  const store = await openObjectStore(spool);
  try {
    const results: RequeueResult[] = [];
    for (const queueId of queueIds) results.push(await requeueMessage({ bus, store, entries }, queueId));
    const isSaved = results.every((each) => each.isSaved);
    if (isSaved) await removeCorrupt(bus, entries);
    return { id, isSaved, says: results.flatMap(({ says }) => says) };
  } finally {
    await store.close();
  }
}

interface RequeueParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly entries: readonly CorruptEntry[];
}

async function requeueMessage(parts: RequeueParts, queueId: string): Promise<RequeueResult> {
  const { bus, store } = parts;
  const search = await locate(parts, queueId);
  const { message } = search;
  if (message === undefined)
    return refusal(queueId, [
      `the spool has no message ${queueId}`,
      ...search.unreadable.map((key) => `the index of ${key} is damaged: it may stand there; restore it`),
    ]);
  const problem = await contentProblem(store, message.body);
  if (problem !== undefined)
    return refusal(queueId, [
      `its content cannot be read (${problem}) and nothing of it can be delivered`,
      `restore ${message.body.key} from a backup of the spool and try again, or give it up: railpost queue delete ${queueId}`,
    ]);
  const history = await readHistory(store, message.envelope);
  const total = message.envelope.recipients.length;
  const warnings = history.damaged.map(
    (key) => `journal object ${key} is damaged: recipients that only it calls finished get the message again`,
  );
  if (history.completed === total)
    return {
      id: queueId,
      isSaved: true,
      says: [`${queueId}: every recipient is finished; nothing to put back`],
    };
  await putBack(bus, message, history);
  const finished = history.completed === 0 ? '' : `, ${history.completed} are finished`;
  const says = `${queueId}: put back for ${total - history.completed} of ${total} recipients${finished}`;
  return { id: queueId, isSaved: true, says: [says, ...warnings] };
}

/** By the spool's index; where that is damaged, by the record itself, if it was a message. */
async function locate(
  { store, entries }: RequeueParts,
  queueId: string,
): Promise<{ readonly message: FoundMessage | undefined; readonly unreadable: readonly string[] }> {
  const mine = entries.filter((each) => each.queueIds.includes(queueId));
  const search = await findSpooled(store, queueId, mine.find(({ found }) => found.body)?.found.body?.key);
  if (search.message !== undefined) return search;
  for (const { found } of mine) {
    const { envelope, body } = found;
    if (envelope?.queueId === queueId && body !== undefined)
      return { ...search, message: { envelope, body } };
  }
  return search;
}

async function putBack(bus: Bus, { envelope, body }: FoundMessage, history: MessageHistory): Promise<void> {
  const { queueId } = envelope;
  const attempt = Math.floor(Date.now() / 1000);
  const payload = encodeIncomingHead({
    version: 1,
    envelope,
    body,
    attempt,
    history: [...history.recipients],
  });
  try {
    const publisher = openGroupPublisher(bus, bus.names.incomingStream);
    await publisher.publish(bus.names.incomingSubject(queueId), payload, {
      messageId: `${queueId}/${attempt}`,
      signal: AbortSignal.timeout(publishLimitMs),
    });
  } catch (error) {
    if (error instanceof StreamFullError) throw new Complaint('INCOMING is full; try again when it is not');
    throw new Complaint(`INCOMING did not take ${queueId}; try again (${String(error)})`);
  }
}

function refusal(id: string, says: readonly string[]): RequeueResult {
  return { id, isSaved: false, says: says.map((each) => `${id}: ${each}`) };
}
