/**
 * What a delivery agent reports of a job, one result per recipient.
 * Producer: delivery agents (and bounce). Consumer: the owner of the shard, whoever that is by then. Subject
 * `rp.shard.<s>.outcome`, core request; the agent repeats it until an owner acknowledges that it is durable (rule 7).
 */
import { DeliveryStatus, Disposition } from '@railpost/mail';
import { z } from 'zod';
import type { JobRecipient } from './delivery-job.ts';

/** Action of a report about a success (RFC 3464 section 2.3.3). */
export const SuccessAction = z.enum(['delivered', 'relayed', 'expanded']);
export type SuccessAction = z.infer<typeof SuccessAction>;

/** Result for one final recipient; carries the journal key so that an owner who never knew the job can settle it. */
export const RecipientOutcome = z.object({
  orig: z.number(),
  final: z.string(),
  run: z.string(),
  n: z.number(),
  disposition: Disposition,
  status: DeliveryStatus,
  /** What stands in the log as `relay=`: `host[address]:port`, `mailbox`, `none`. */
  relay: z.string(),
  /** Present when the sender is owed a report of this success and nobody behind us will send it: {@link successReportOf}. */
  successReport: SuccessAction.optional(),
});
export type RecipientOutcome = z.infer<typeof RecipientOutcome>;

/** What came of an attempt, as far as reports of success depend on it. */
export interface AttemptResult {
  readonly disposition: Disposition;
  /** How a success is to be called; undefined: the next hop took NOTIFY over and reports itself. */
  readonly action: Exclude<SuccessAction, 'expanded'> | undefined;
}

/**
 * The report of success that an attempt makes due (RFC 3461 sections 4.1 and 5.2). That an alias was expanded is reported after the
 * first attempt, whatever came of it (as Postfix does); the null reverse-path hears nothing.
 * @param about `tries` counts attempts before this one
 */
export function successReportOf(
  about: { readonly reversePath: string; readonly tries: number; readonly recipient: JobRecipient },
  result: AttemptResult,
): SuccessAction | undefined {
  const { reversePath, tries, recipient } = about;
  if (reversePath === '') return undefined;
  if (recipient.isExpansionReportDue === true && tries === 0) return 'expanded';
  const isWanted = recipient.notify?.includes('SUCCESS') === true;
  return isWanted && result.disposition === 'delivered' ? result.action : undefined;
}

/** What kind of work a dispatch asks for. `failure`, `delay` and `success` are DSNs made by bounce. */
export const Task = z.enum(['deliver', 'failure', 'delay', 'success']);
export type Task = z.infer<typeof Task>;

export const DeliveryOutcome = z.object({
  version: z.literal(1),
  jobId: z.string(),
  queueId: z.string(),
  destination: z.string(),
  task: Task,
  recipients: z.array(RecipientOutcome),
  /** `gone`: the spool has no such body (rule 15); `corrupt`: checksum mismatch. No recipient was attempted then. */
  content: z.enum(['read', 'gone', 'corrupt']),
  /** True when the outcome is an exception of ours, not a word of a peer: at expiry such a job is held, not bounced. */
  isOwnFault: z.boolean(),
  /** True when no connection or greeting could be had: negative feedback for the destination, not for the message. */
  isDestinationFault: z.boolean(),
  /** Queue id of the DSN that was spooled (tasks failure, delay, success); empty when none was due. */
  reportQueueId: z.string().optional(),
});
export type DeliveryOutcome = z.infer<typeof DeliveryOutcome>;

/** Several outcomes of one shard in one request. */
export const OutcomeFrame = z.object({
  version: z.literal(1),
  shard: z.number(),
  worker: z.string(),
  outcomes: z.array(DeliveryOutcome),
  /**
   * Ids of jobs that the agent has not begun and gives back: it drains, or their destination failed. They belong to the owner again.
   * Not repeated: an owner that misses it notices the silence about them (rule 9).
   */
  returned: z.array(z.string()).optional(),
});
export type OutcomeFrame = z.infer<typeof OutcomeFrame>;

/** The owner's answer, after the journal flush or DEFER write that holds the outcomes. Lower epochs are refused (rule 3). */
export const OutcomeAcknowledgement = z.object({
  version: z.literal(1),
  epoch: z.number(),
  settled: z.array(z.string()),
});
export type OutcomeAcknowledgement = z.infer<typeof OutcomeAcknowledgement>;
