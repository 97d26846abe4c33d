/**
 * Delivery job: one message for one (transport, next hop), at most 50 recipients. The unit of scheduling.
 * Producer: cleanup. Consumer: the shard's owner (durable `queue-manager` of rp_ACTIVE_s). Subject
 * `rp.act.<s>.<dest>.<jobId>`, msgID `<jobId>/<attempt>` (durability rule 19). Order: none. Duplicates: possible;
 * the id is a hash of what the job is, so the same decision makes the same job.
 */
import { BodyRef, ClientFacts, HeaderEdit, NotifyCondition } from '@railpost/mail';
import { z } from 'zod';
import { NextHop } from './next-hop.ts';

/** One final recipient of a job. */
export const JobRecipient = z.object({
  /** Index of the original recipient in the envelope. */
  orig: z.number(),
  /** The forward-path as the client gave it (Original-Recipient, X-Original-To). */
  original: z.string(),
  /** The address after rewriting and alias expansion. */
  final: z.string(),
  /** Hash of the expansion of this original, and its size (durability rule 14): journal entries repeat both. */
  run: z.string(),
  n: z.number(),
  notify: z.array(NotifyCondition).optional(),
  orcpt: z.string().optional(),
  /** True on the first final of an original with NOTIFY=SUCCESS that was expanded: its owner reports Action: expanded. */
  isExpansionReportDue: z.boolean().optional(),
  /** True: held from birth (recovery found an unreleased hold, or the envelope says so). */
  isHeld: z.boolean().optional(),
});
export type JobRecipient = z.infer<typeof JobRecipient>;

export const DeliveryJob = z.object({
  version: z.literal(1),
  jobId: z.string(),
  queueId: z.string(),
  attempt: z.number(),
  nextHop: NextHop,
  /** {@link destinationOf} of nextHop. */
  destination: z.string(),
  /** Our own domain that all recipients share, if one; the suspend switch of a MailDomain works by it. */
  mailDomain: z.string().optional(),
  reversePath: z.string(),
  recipients: z.array(JobRecipient),
  ret: z.enum(['FULL', 'HDRS']).optional(),
  envid: z.string().optional(),
  body: z.enum(['7BIT', '8BITMIME', 'BINARYMIME']).optional(),
  smtputf8: z.boolean(),
  content: BodyRef,
  edits: z.array(HeaderEdit),
  client: ClientFacts,
  messageId: z.string(),
  receivedAt: z.string(),
  /** Sequence of the INCOMING record (durability rule 10). */
  incomingSequence: z.number(),
  traceparent: z.string().optional(),
});
export type DeliveryJob = z.infer<typeof DeliveryJob>;

/**
 * The text whose hash is the job id: queue id, next hop, recipients. Never random (blueprint section 4).
 * The caller hashes it (SHA-256, first 32 hex digits), because pure code has no crypto.
 */
export function jobIdentity(job: Pick<DeliveryJob, 'queueId' | 'nextHop' | 'recipients'>): string {
  const recipients = job.recipients.map((each) => `${each.orig} ${each.final} ${each.run}`);
  return JSON.stringify([job.queueId, job.nextHop, recipients]);
}

/** The text whose hash is the run of one original: its finals in order. The caller hashes it (first 12 hex digits). */
export function runIdentity(orig: number, finals: readonly string[]): string {
  return JSON.stringify([orig, finals]);
}
