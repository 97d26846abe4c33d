/**
 * Takes messages of ACTIVE into the queue. A job that the journal calls finished, or that DEFER or memory already has, is
 * acknowledged and dropped (rules 7, 11); one on hold, or of a destination that fills ACTIVE, moves to DEFER; the others
 * become ready. What cannot be decoded goes to CORRUPT. A message of another generation than the term's ends the term: what its
 * memory calls superfluous may be all that is left.
 */
import { type BusMessage, generationOf } from '@railpost/bus';
import {
  type DeferRecord,
  DeliveryJob,
  type DeliveryOutcome,
  destinationToken,
  parseRecord,
} from '@railpost/contracts';
import { moveToCorrupt } from './corrupt.ts';
import { busProblem, queueActive, recordCorrupt } from './events.ts';
import { freshRecord, gatherSettleFacts, isFinished, isOnHold, withDone } from './gather.ts';
import { heldEntries, settleDelivery } from './outcome/settle.ts';
import { exclusively } from './effects.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import { isPutOff, withoutTwins } from './recovered-jobs.ts';
import { activeLimit } from './schedule/pace.ts';
import type { Term } from './term.ts';

const corruptRetryMs = 10_000;

/** Takes one message in. */
export async function admit(term: Term, message: BusMessage): Promise<void> {
  const { effects, queue } = term;
  if (generationOf(message.sequence) !== term.generation)
    return term.end('the streams are of another generation');
  effects.noteActive(message.sequence);
  const job = decodeJob(message.data);
  if (job === undefined) return dropCorrupt(term, message);
  const known = queue.get(job.jobId);
  if (known !== undefined) return admitAgain(known, message);
  if (isPutOff(term, message, job)) return;
  const told = term.strangers.take(job.jobId);
  if (told !== undefined) return settleAtBirth(term, message, job, told);
  await admitNew(term, message, job);
}

async function admitNew(term: Term, message: BusMessage, job: DeliveryJob): Promise<void> {
  const { context, queue, metrics } = term;
  if (job.attempt > 0) term.lost.delete(job.queueId);
  const own = job.attempt === 0 ? job : await withoutTwins(term, job);
  if (own === undefined) return message.ack();
  // It may have come once more while its twins were looked at.
  const known = queue.get(own.jobId);
  if (known !== undefined) return admitAgain(known, message);
  const nowMs = context.clock.nowMs();
  const record = withDone(freshRecord(own, nowMs), term.done);
  if (isFinished(record)) {
    metrics.lateDuplicates.inc();
    message.ack();
    return;
  }
  const entry = enqueue(term, message, record);
  entry.mayBeElsewhere = term.adoption.waiting !== 'none';
  context.crashPoint('queue.consumed');
  if (isOnHold(record, term.holds)) return holdAtBirth(term, entry, record);
  const { activeCount, pace } = entry.destination;
  if (activeCount > activeLimit(pace.perSecond)) await term.park(entry);
  queue.place(entry, nowMs);
  term.kick();
}

function decodeJob(data: Uint8Array): DeliveryJob | undefined {
  try {
    return DeliveryJob.parse(parseRecord(data));
  } catch {
    // Not JSON or not a job: the caller keeps it for a human.
    return undefined;
  }
}

/** The same message again takes the place of its former delivery; any other copy is superfluous. */
function admitAgain(known: QueuedJob, message: BusMessage): void {
  if (known.active?.sequence !== message.sequence) return message.ack();
  known.active.forget();
  known.active = message;
}

function enqueue(term: Term, message: BusMessage, record: DeferRecord): QueuedJob {
  const { queue, context } = term;
  const { job } = record;
  const isFirst = queue.ofMessage(job.queueId).length === 0;
  const entry: QueuedJob = {
    jobId: job.jobId,
    queueId: job.queueId,
    destination: queue.destinations.at(destinationToken(job.destination), job.nextHop.transport),
    receivedAtMs: Date.parse(job.receivedAt),
    state: 'active',
    stage: 'settling',
    task: 'deliver',
    nextMs: record.nextMs,
    tries: 0,
    deferSequence: 0,
    active: message,
    record,
    mayBeElsewhere: false,
    wasSuspended: false,
    activeAtMs: record.nextMs,
    batch: undefined,
    work: undefined,
  };
  queue.add(entry);
  if (isFirst)
    queueActive(context.log, {
      queueId: job.queueId,
      reversePath: job.reversePath,
      sizeBytes: job.content.bytes,
      recipients: job.recipients.length,
      destination: job.destination,
    });
  return entry;
}

/** Held from birth (envelope, recovery), or a hold on the message came before the job (rule 12). */
function holdAtBirth(term: Term, entry: QueuedJob, record: DeferRecord): Promise<void> {
  const { effects, context, queue, holds } = term;
  const held: DeferRecord = { ...record, state: 'held' };
  const entries = heldEntries(held).filter((each) => holds.state(each.queueId, each.orig) === undefined);
  return exclusively(entry, async () => {
    await effects.journal(entries, record.job.incomingSequence);
    context.crashPoint('queue.hold-between');
    await effects.defer(entry, held);
    queue.place(entry, context.clock.nowMs());
  });
}

/** An agent was faster than ACTIVE: its outcome, as it was told, decides what the job still owes. */
async function settleAtBirth(
  term: Term,
  message: BusMessage,
  job: DeliveryJob,
  outcome: DeliveryOutcome,
): Promise<void> {
  const { context, done, effects, holds } = term;
  const record = freshRecord(job, context.clock.nowMs());
  const entry = enqueue(term, message, record);
  const settlement = settleDelivery(record, outcome, gatherSettleFacts(context, record, holds));
  const entries = settlement.entries.filter((each) => !done.has(each));
  await exclusively(entry, () => effects.apply(entry, { ...settlement, entries }, job.incomingSequence));
  term.kick();
}

async function dropCorrupt(term: Term, message: BusMessage): Promise<void> {
  const { context, shard } = term;
  const reason = 'not a delivery job';
  try {
    await moveToCorrupt(term, {
      reason: 'undecodable',
      text: reason,
      busSubject: message.subject,
      payload: message.data,
    });
  } catch (error) {
    busProblem(context.log, { shard, what: 'writing to CORRUPT', error: String(error) });
    return message.nak(corruptRetryMs);
  }
  recordCorrupt(context.log, { busSubject: message.subject, reason });
  message.ack();
}
