/**
 * `railpost queue requeue`: puts messages of CORRUPT back to the beginning of the queue, as Postfix's `postsuper -r` does: envelope and
 * content from the spool by queue id, so that it does not matter which record was damaged; what the journal calls finished is not
 * delivered again. The record of CORRUPT goes last, so a command that dies in between is simply repeated.
 */
import { type Bus, type GroupPublisher, StreamFullError, openGroupPublisher } from '@railpost/bus';
import { encodeIncomingHead } from '@railpost/contracts';
import { type ObjectStore, openObjectStore } from '@railpost/spool';
import { Complaint } from '../complaint.ts';
import type { Platform } from '../platform/open-platform.ts';
import { type CorruptEntry, readCorrupt, removeCorrupt } from './corrupt-records.ts';
import { type FoundMessage, contentProblem, findSpooled } from './find-spooled.ts';
import { type Histories, type MessageHistory, readHistories } from './message-history.ts';

/** Stands for everything in the corrupt queue. */
export const everything = 'ALL';

/** What became of one message, or of a record that names none. */
export interface RequeueResult {
  readonly id: string;
  readonly isSaved: boolean;
  /** One sentence each: what was done, what cannot be saved and why, what to do. */
  readonly says: readonly string[];
}

type Located = { readonly queueId: string; readonly message: FoundMessage } | RequeueResult;

const publishLimitMs = 10_000;

/**
 * Puts back what the ids name: messages, or records of CORRUPT, or {@link everything}.
 * @throws Complaint when CORRUPT has nothing of an id
 */
export async function requeue(
  { bus, spool }: Platform,
  ids: readonly string[],
): Promise<readonly RequeueResult[]> {
  const all = await readCorrupt(bus);
  const entries = ids.includes(everything) ? all : selectEntries(all, ids);
  if (spool === undefined)
    throw new Complaint('a message can only be put back from the spool; name it with --spool');
  const store = await openObjectStore(spool);
  try {
    const results = [...entries.flatMap(describeNameless), ...(await requeueAll({ bus, store, entries }))];
    const saved = new Set(results.filter(({ isSaved }) => isSaved).map(({ id }) => id));
    const isDone = ({ queueIds }: CorruptEntry) =>
      queueIds.length > 0 && queueIds.every((id) => saved.has(id));
    await removeCorrupt(bus, entries.filter(isDone));
    return results;
  } finally {
    await store.close();
  }
}

function selectEntries(all: readonly CorruptEntry[], ids: readonly string[]): CorruptEntry[] {
  const selected = new Set<CorruptEntry>();
  for (const id of ids) {
    const mine = all.filter(({ recordId, queueIds }) => recordId === id || queueIds.includes(id));
    if (mine.length === 0) throw new Complaint(`the corrupt queue has nothing of ${id}`);
    for (const entry of mine) selected.add(entry);
  }
  return [...selected];
}

function describeNameless({ recordId, queueIds }: CorruptEntry): RequeueResult[] {
  if (queueIds.length > 0) return [];
  const says = [
    'the record names no message that could be looked for in the spool',
    'if a message is missing, railpost recover puts it back; railpost queue delete removes the record',
  ];
  return [refusal(recordId, says)];
}

interface RequeueParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly entries: readonly CorruptEntry[];
}

async function requeueAll(parts: RequeueParts): Promise<RequeueResult[]> {
  const { bus, store, entries } = parts;
  const located: Located[] = [];
  for (const queueId of new Set(entries.flatMap((each) => each.queueIds)))
    located.push(await locate(parts, queueId));
  const envelopes = located.flatMap((each) => ('message' in each ? [each.message.envelope] : []));
  const histories = await readHistories(store, envelopes);
  const publisher = openGroupPublisher(bus, bus.names.incomingStream);
  const results: RequeueResult[] = [];
  for (const each of located)
    results.push('message' in each ? await putBack(bus, publisher, { ...each, histories }) : each);
  return results;
}

/** The message, every octet of it checked; or why it cannot be put back. */
async function locate(parts: RequeueParts, queueId: string): Promise<Located> {
  const { message, unreadable } = await search(parts, queueId);
  if (message === undefined)
    return refusal(queueId, [
      `the spool has no message ${queueId}`,
      ...unreadable.map((key) => `the index of ${key} is damaged: it may stand there; restore it`),
    ]);
  const problem = await contentProblem(parts.store, message.body);
  if (problem === undefined) return { queueId, message };
  return refusal(queueId, [
    `its content cannot be read (${problem}) and nothing of it can be delivered`,
    `restore ${message.body.key} from a backup of the spool and try again, or give it up: railpost queue delete ${queueId}`,
  ]);
}

/** By the spool's index; where that is damaged, by the record itself, if it was a message. */
async function search(
  { store, entries }: RequeueParts,
  queueId: string,
): Promise<{ readonly message: FoundMessage | undefined; readonly unreadable: readonly string[] }> {
  const mine = entries.filter((each) => each.queueIds.includes(queueId));
  const found = await findSpooled(store, queueId, mine.find((each) => each.found.body)?.found.body?.key);
  if (found.message !== undefined) return found;
  for (const { found: content } of mine) {
    const { envelope, body } = content;
    if (envelope?.queueId === queueId && body !== undefined) return { ...found, message: { envelope, body } };
  }
  return found;
}

async function putBack(
  bus: Bus,
  publisher: GroupPublisher,
  facts: { readonly queueId: string; readonly message: FoundMessage; readonly histories: Histories },
): Promise<RequeueResult> {
  const { queueId: id, message, histories } = facts;
  const total = message.envelope.recipients.length;
  const history = histories.byQueueId.get(id) ?? { recipients: [], completed: 0 };
  if (history.completed === total)
    return { id, isSaved: true, says: [`${id}: every recipient is finished; nothing to put back`] };
  await publish(bus, publisher, message, history);
  const finished = history.completed === 0 ? '' : `, ${history.completed} are finished`;
  const says = `${id}: put back for ${total - history.completed} of ${total} recipients${finished}`;
  const warnings = histories.damaged.map(
    (key) => `journal object ${key} is damaged: recipients that only it calls finished get the message again`,
  );
  return { id, isSaved: true, says: [says, ...warnings] };
}

async function publish(
  bus: Bus,
  publisher: GroupPublisher,
  { envelope, body }: FoundMessage,
  history: MessageHistory,
): Promise<void> {
  const { queueId } = envelope;
  const attempt = Math.floor(Date.now() / 1000);
  const record = { version: 1 as const, envelope, body, attempt, history: [...history.recipients] };
  try {
    await publisher.publish(bus.names.incomingSubject(queueId), encodeIncomingHead(record), {
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
