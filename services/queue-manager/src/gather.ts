/**
 * Facts that decisions need: records read from DEFER when their time has come, what the journal and the holds say of their
 * recipients, and the configuration in force.
 */
import { readStored } from '@railpost/bus';
import {
  DeferRecord,
  type DeliveryJob,
  type HoldSet,
  type JobRecipient,
  OriginalProgress,
  isTerminal,
  journalKey,
  parseRecord,
} from '@railpost/contracts';
import { loadJournal } from '@railpost/spool';
import type { QueueContext } from './context.ts';
import type { SettleFacts } from './outcome/settle.ts';
import type { DoneSet } from './queue/done-set.ts';

/** Clocks of NATS servers and owners may differ by this much. */
export const clockSlackMs = 60_000;

/** What lies in DEFER under a sequence. */
export type StoredRecord =
  | { readonly kind: 'record'; readonly record: DeferRecord }
  | { readonly kind: 'missing' }
  | { readonly kind: 'damaged'; readonly payload: Uint8Array };

/** Reads a DEFER record by its sequence. @throws BusUnavailableError */
export async function readDeferRecord(
  context: QueueContext,
  shard: number,
  sequence: number,
): Promise<StoredRecord> {
  const payload = await readStored(context.bus, context.bus.names.deferStream(shard), sequence);
  if (payload === undefined) return { kind: 'missing' };
  try {
    return { kind: 'record', record: DeferRecord.parse(parseRecord(payload)) };
  } catch {
    // Not JSON or not a record: the caller keeps it for a human.
    return { kind: 'damaged', payload };
  }
}

/** The record with the recipients that the journal calls finished among `done`. */
export function withDone(record: DeferRecord, done: DoneSet): DeferRecord {
  const { queueId } = record.job;
  if (!done.knows(queueId)) return record;
  const isDone = (recipient: JobRecipient, index: number) =>
    record.done.includes(index) || done.has({ queueId, orig: recipient.orig, final: recipient.final });
  const indexes = record.job.recipients.flatMap((recipient, index) =>
    isDone(recipient, index) ? [index] : [],
  );
  if (indexes.length === record.done.length) return record;
  return { ...record, done: indexes, bouncing: record.bouncing.filter((index) => !indexes.includes(index)) };
}

/** True when every recipient is finished; reports of success may be owed still. */
export function isFinished(record: DeferRecord): boolean {
  return record.done.length >= record.job.recipients.length;
}

/** True when a hold on one of the open originals is in force: the journal's word, else what the job was born with. */
export function isOnHold(record: DeferRecord, holds: HoldSet): boolean {
  return record.job.recipients.some((recipient, index) => {
    if (record.done.includes(index)) return false;
    return holds.state(record.job.queueId, recipient.orig) ?? recipient.isHeld === true;
  });
}

/** The record of a job that was never attempted. */
export function freshRecord(job: DeliveryJob, nowMs: number): DeferRecord {
  return {
    version: 1,
    job,
    state: 'active',
    tries: 0,
    nextMs: nowMs,
    done: [],
    bouncing: [],
    outcomes: [],
    decidedAtMs: nowMs,
    suspendedMs: 0,
    lastFaultIsOurs: false,
    hasDelayWarning: false,
  };
}

/** Facts for settling an outcome of this job now. */
export function gatherSettleFacts(context: QueueContext, record: DeferRecord, holds: HoldSet): SettleFacts {
  return {
    nowMs: context.clock.nowMs(),
    queue: context.configuration.current().platform.queue,
    isHeld: isOnHold(record, holds),
  };
}

/** The suspended MailDomain that the job belongs to, if any. */
export function suspendedDomainOf(context: QueueContext, job: DeliveryJob): string | undefined {
  const { mailDomain } = job;
  if (mailDomain === undefined) return undefined;
  return context.configuration.current().domain(mailDomain)?.suspend === true ? mailDomain : undefined;
}

/**
 * Asks the whole journal since the message came whether the open recipients are settled (durability rule 15): each final by itself, or
 * its original as a whole. The latter is what removed the content; a job that cleanup made once more, under another
 * configuration, has finals that the journal never heard of. Entries of every generation count.
 * @throws SpoolUnavailableError: no answer
 */
export async function isSettledByJournal(context: QueueContext, record: DeferRecord): Promise<boolean> {
  const { queueId, recipients, receivedAt } = record.job;
  const originals = new Map<number, OriginalProgress>();
  const finals = new Set<string>();
  const sinceMs = Date.parse(receivedAt) - clockSlackMs;
  // What a damaged object said is missing: not settled, so the job is kept for a human.
  const onDamaged = () => undefined;
  for await (const { entries } of loadJournal(context.store, { sinceMs, onDamaged }))
    for (const entry of entries) {
      if (entry.queueId !== queueId || !isTerminal(entry.kind)) continue;
      const progress = originals.get(entry.orig) ?? new OriginalProgress();
      progress.note(entry);
      originals.set(entry.orig, progress);
      finals.add(journalKey(entry));
    }
  return recipients.every(
    ({ orig, final }, index) =>
      record.done.includes(index) ||
      finals.has(journalKey({ queueId, orig, final })) ||
      originals.get(orig)?.isComplete === true,
  );
}
