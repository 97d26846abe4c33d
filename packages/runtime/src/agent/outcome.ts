/**
 * From an agent's answer to the outcome that is reported, and to the log lines. Pure but for the log. An exception is
 * deferred 4.3.0 with `isOwnFault`: our bug must never bounce mail.
 */
import {
  type DeliveryOutcome,
  type DispatchedJob,
  type RecipientOutcome,
  successReportOf,
} from '@railpost/contracts';
import { CommitRefusedError } from '../errors.ts';
import { type LoggedStatus, logDisposition } from '../events/disposition.ts';
import type { EventLog } from '../events/event-log.ts';
import type { PendingRecipient, RecipientResult, TaskResult } from './agent-task.ts';
import type { JobInHand } from './jobs-in-hand.ts';
import { agentStatuses } from './statuses.ts';

/** The result that stands for an exception of the agent's code. */
export function resultOfFault(pending: readonly PendingRecipient[], error: unknown): TaskResult {
  const status =
    error instanceof CommitRefusedError ? agentStatuses.commitRefused : agentStatuses.internalError;
  return {
    isOwnFault: true,
    recipients: pending.map(({ index }) => ({ index, disposition: 'deferred', status, relay: 'none' })),
  };
}

/** The outcome of a job. Pending recipients without a result become deferred 4.3.0, except when the content was not read. */
export function outcomeOf(
  inHand: JobInHand,
  pending: readonly PendingRecipient[],
  result: TaskResult,
): DeliveryOutcome {
  const { job, task } = inHand.dispatched;
  const { content = 'read', isOwnFault = false, isDestinationFault = false, reportQueueId } = result;
  const results = new Map(result.recipients.map((each) => [each.index, each]));
  const known = pending.filter(({ index }) => results.has(index));
  // Nothing was attempted when the content could not be read; else a recipient without a result is a bug of the agent.
  const reported = content === 'read' ? pending : known;
  return {
    version: 1,
    jobId: job.jobId,
    queueId: job.queueId,
    destination: job.destination,
    task,
    recipients: reported.map((each) => recipientOutcomeOf(inHand.dispatched, each, results.get(each.index))),
    content,
    isOwnFault: isOwnFault || known.length < reported.length,
    isDestinationFault,
    ...(reportQueueId === undefined ? {} : { reportQueueId }),
  };
}

function recipientOutcomeOf(
  { job, task, tries }: DispatchedJob,
  { index, recipient }: PendingRecipient,
  found: RecipientResult | undefined,
): RecipientOutcome {
  const { orig, final, run, n } = recipient;
  const result: RecipientResult = found ?? {
    index,
    disposition: 'deferred',
    status: agentStatuses.noResult,
    relay: 'none',
  };
  const { disposition, status, relay, success = 'delivered' } = result;
  const outcome = { orig, final, run, n, disposition, status, relay };
  if (task !== 'deliver') return outcome;
  const successReport = successReportOf(
    { reversePath: job.reversePath, tries, recipient },
    { disposition, action: success === 'passed-on' ? undefined : success },
  );
  return successReport === undefined ? outcome : { ...outcome, successReport };
}

/** Seconds of `delays=`: before the schedule, in the schedule, connection set-up, transmission. */
export function delaysOf(
  inHand: JobInHand,
  result: Pick<TaskResult, 'connectedAtMs' | 'isDestinationFault'>,
  endedAtMs: number,
): readonly [number, number, number, number] {
  const { job, activeAtMs } = inHand.dispatched;
  const attemptMs = endedAtMs - inHand.begunAtMs;
  // Without a connection all of the attempt was set-up, or (a local delivery) none of it.
  const withoutConnectionMs = result.isDestinationFault === true ? attemptMs : 0;
  const setUpMs =
    result.connectedAtMs === undefined
      ? withoutConnectionMs
      : clamp(result.connectedAtMs - inHand.begunAtMs, attemptMs);
  return [
    toSeconds(activeAtMs - Date.parse(job.receivedAt)),
    toSeconds(inHand.begunAtWallMs - activeAtMs),
    toSeconds(setUpMs),
    toSeconds(attemptMs - setUpMs),
  ];
}

/** To the millisecond: more digits make a line long and say nothing. */
function toSeconds(ms: number): number {
  return Math.max(0, Math.round(ms)) / 1000;
}

const loggedStatus: Readonly<Record<RecipientOutcome['disposition'], LoggedStatus>> = {
  delivered: 'sent',
  deferred: 'deferred',
  bounced: 'bounced',
};

/** Writes one line per recipient of a delivery; DSN tasks have events of their own. */
export function logOutcome(
  log: EventLog,
  inHand: JobInHand,
  outcome: DeliveryOutcome,
  more: { readonly delays: readonly [number, number, number, number]; readonly traceparent: string },
): void {
  if (outcome.task !== 'deliver') return;
  const [beforeSchedule, inSchedule, setUp, transmission] = more.delays;
  const delay = Math.round((beforeSchedule + inSchedule + setUp + transmission) * 1000) / 1000;
  const originals = new Map(
    inHand.dispatched.job.recipients.map((each) => [`${each.orig} ${each.final}`, each.original]),
  );
  for (const each of outcome.recipients) {
    logDisposition(log, {
      queueId: outcome.queueId,
      to: each.final,
      origTo: originals.get(`${each.orig} ${each.final}`) ?? each.final,
      relay: each.relay,
      delay,
      delays: more.delays,
      dsn: each.status.code,
      status: loggedStatus[each.disposition],
      reason: each.status.text,
      transport: inHand.transport,
      traceparent: more.traceparent,
    });
  }
}

function clamp(value: number, maximum: number): number {
  return Math.min(Math.max(value, 0), maximum);
}
