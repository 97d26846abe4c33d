/**
 * The identity of a report: made of the job, the kind and the try alone, and of the time that was written down when the job failed
 * (durability rule 6), so that a repeat after a crash makes the same message under the same queue id.
 */
import { createHash } from 'node:crypto';
import { formatQueueId, queueIdHalfLimit } from '@railpost/mail';

/** What makes a report the same report. */
export interface ReportIdentity {
  readonly jobId: string;
  readonly kind: string;
  readonly tries: number;
  /** Time in the DEFER record, milliseconds since the epoch. */
  readonly decidedAtMs: number;
}

/** Queue id of the report. A report of success may still be owed after further tries: its time alone tells it from others. */
export function reportQueueId({ jobId, kind, tries: all, decidedAtMs }: ReportIdentity): string {
  const tries = kind === 'success' ? 0 : all;
  const digest = createHash('sha256')
    .update(JSON.stringify([jobId, kind, tries]))
    .digest();
  // 48 bits are more than the half holds: the rest of the division is close enough to even.
  return formatQueueId(decidedAtMs, digest.readUIntBE(0, 6) % queueIdHalfLimit);
}
