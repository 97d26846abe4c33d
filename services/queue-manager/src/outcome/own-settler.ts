/**
 * Settles what never goes to an agent: next hops `error:`, `retry:` and `discard:` (Postfix error(8), discard(8)), and the jobs of
 * a dead destination, which are deferred without an attempt. Writes their disposition lines, since no agent does.
 */
import {
  type DeferRecord,
  type DeliveryOutcome,
  type RecipientOutcome,
  successReportOf,
} from '@railpost/contracts';
import type { DeliveryStatus, Disposition } from '@railpost/mail';
import { type LoggedStatus, logDisposition } from '@railpost/runtime';
import { hopStatus, statuses, suspendedStatus } from '../statuses.ts';
import type { QueuedJob } from '../queue/queued-job.ts';
import type { Term } from '../term.ts';

const loggedAs: Readonly<Record<Disposition, LoggedStatus>> = {
  delivered: 'sent',
  deferred: 'deferred',
  bounced: 'bounced',
};

/** The outcome of a job without an attempt; undefined when an agent has to decide. */
export function decideOwnOutcome(
  record: DeferRecord,
  lastFailure: DeliveryStatus | undefined,
): DeliveryOutcome | undefined {
  const { nextHop } = record.job;
  switch (nextHop.transport) {
    case 'error':
      return outcomeOf(record, 'bounced', hopStatus(nextHop));
    case 'retry':
      return outcomeOf(record, 'deferred', hopStatus(nextHop));
    case 'discard':
      return outcomeOf(record, 'delivered', statuses.discarded);
    default:
      return lastFailure === undefined
        ? undefined
        : outcomeOf(record, 'deferred', suspendedStatus(lastFailure));
  }
}

/** Logs the dispositions of such an outcome. */
export function logOwnOutcome(term: Term, job: QueuedJob, outcome: DeliveryOutcome): void {
  const { record } = job;
  if (record === undefined) return;
  const nowMs = term.context.clock.nowMs();
  const before = (job.activeAtMs - job.receivedAtMs) / 1000;
  const within = (nowMs - job.activeAtMs) / 1000;
  const { traceparent, nextHop } = record.job;
  const transport =
    nextHop.transport === 'smtp' || nextHop.transport === 'lmtp' ? 'retry' : nextHop.transport;
  for (const result of outcome.recipients) {
    const original = record.job.recipients.find(
      (each) => each.orig === result.orig && each.final === result.final,
    );
    logDisposition(term.context.log, {
      queueId: job.queueId,
      to: result.final,
      ...(original === undefined ? {} : { origTo: original.original }),
      relay: 'none',
      delay: (nowMs - job.receivedAtMs) / 1000,
      delays: [before, within, 0, 0],
      dsn: result.status.code,
      status: loggedAs[result.disposition],
      reason: result.status.text,
      transport,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
  }
}

function outcomeOf(record: DeferRecord, disposition: Disposition, status: DeliveryStatus): DeliveryOutcome {
  const { job } = record;
  const recipients: RecipientOutcome[] = job.recipients
    .filter((_, index) => !record.done.includes(index))
    .map((recipient) => {
      const { orig, final, run, n } = recipient;
      const about = { reversePath: job.reversePath, tries: record.tries, recipient };
      // discard: is reported as delivered, as Postfix does.
      const successReport = successReportOf(about, { disposition, action: 'delivered' });
      const result = { orig, final, run, n, disposition, status, relay: 'none' };
      return successReport === undefined ? result : { ...result, successReport };
    });
  return {
    version: 1,
    jobId: job.jobId,
    queueId: job.queueId,
    destination: job.destination,
    task: 'deliver',
    recipients,
    content: 'read',
    isOwnFault: false,
    isDestinationFault: false,
  };
}
