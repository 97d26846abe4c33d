/**
 * Jobs that recovery put back (attempt above 0; durability rules 8, 18, 19). What the loss of NATS left behind may still be about: an
 * agent may have a job of the same message in hand, and a second recovery may have found more done than the first, so that the same
 * recipient stands in two jobs with different ids. The first is waited for, the second is left out.
 */
import type { BusMessage } from '@railpost/bus';
import type { DeliveryJob, JobRecipient } from '@railpost/contracts';
import { silenceMs } from './context.ts';
import { readDeferRecord } from './gather.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import type { Term } from './term.ts';

/**
 * Gives the message back to come again, when an agent of a former owner may have the job: its outcome decides first.
 * True: nothing more is to be done with it now.
 */
export function isPutOff(term: Term, message: BusMessage, job: DeliveryJob): boolean {
  if (job.attempt === 0) return false;
  const { context, queue, timing } = term;
  const named = term.inHand.jobsOf(job.queueId, context.clock.monotonicMs(), silenceMs(timing));
  const isElsewhere = named.some((jobId) => queue.get(jobId) === undefined);
  if (!isElsewhere && term.adoption.isOver()) return false;
  message.nak(term.adoption.periodMs);
  return true;
}

/** The job without recipients that another job of the same message has already; undefined when none is left. */
export async function withoutTwins(term: Term, job: DeliveryJob): Promise<DeliveryJob | undefined> {
  const siblings = job.attempt === 0 ? [] : term.queue.ofMessage(job.queueId);
  if (siblings.length === 0) return job;
  const known = new Set<string>();
  for (const recipients of await Promise.all(siblings.map((each) => recipientsOf(term, each))))
    for (const recipient of recipients) known.add(keyOf(recipient));
  const recipients = job.recipients.filter((each) => !known.has(keyOf(each)));
  if (recipients.length === job.recipients.length) return job;
  return recipients.length === 0 ? undefined : { ...job, recipients };
}

async function recipientsOf(term: Term, job: QueuedJob): Promise<readonly JobRecipient[]> {
  if (job.record !== undefined) return job.record.job.recipients;
  const stored = await readDeferRecord(term.context, term.shard, job.deferSequence);
  return stored.kind === 'record' ? stored.record.job.recipients : [];
}

function keyOf({ orig, final }: JobRecipient): string {
  return `${orig} ${final}`;
}
