/**
 * Who is to be told what: a pure table after RFC 3461 section 4.1 and Postfix bounce(8). A null reverse-path is never answered, a
 * recipient with NOTIFY is reported only when it asks for this kind; one without NOTIFY hears of failures and delays, not of success.
 */
import type { DeliveryJob, JobRecipient } from '@railpost/contracts';

/** Postfix bounce_size_limit: a longer message is returned as its headers only. In octets. */
const returnedContentLimitBytes = 50_000;

/** Kind of a report. */
export type ReportKind = 'failure' | 'delay' | 'success';

/** What is owed for a job. */
export type ReportDecision<Each> =
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'report'; readonly about: readonly Each[]; readonly returned: 'full' | 'headers' };

type Wishes = Pick<JobRecipient, 'notify' | 'isExpansionReportDue'>;

/** Decides for the recipients of a job that failed, are delayed or were served, together. */
export function decideReport<Each extends { readonly recipient: Wishes }>(
  job: Pick<DeliveryJob, 'reversePath' | 'ret' | 'content'>,
  kind: ReportKind,
  pending: readonly Each[],
): ReportDecision<Each> {
  if (job.reversePath === '') return { kind: 'none', reason: 'null reverse-path' };
  const about = pending.filter(({ recipient }) => wants(recipient, kind));
  if (about.length === 0) return { kind: 'none', reason: 'NOTIFY does not ask for it' };
  return { kind: 'report', about, returned: returnedOf(job, kind) };
}

function wants({ notify, isExpansionReportDue }: Wishes, kind: ReportKind): boolean {
  // The original asked; its finals do not (RFC 3461 section 5.2.7.3).
  if (kind === 'success') return isExpansionReportDue === true || notify?.includes('SUCCESS') === true;
  return notify === undefined || notify.includes(kind === 'failure' ? 'FAILURE' : 'DELAY');
}

/** RET counts for failures only (RFC 3461 section 4.3); a warning and good news never repeat the message. */
function returnedOf(job: Pick<DeliveryJob, 'ret' | 'content'>, kind: ReportKind): 'full' | 'headers' {
  const isShort = job.content.bytes <= returnedContentLimitBytes;
  return kind === 'failure' && job.ret !== 'HDRS' && isShort ? 'full' : 'headers';
}
