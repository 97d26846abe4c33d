/**
 * What an outcome means for a job: which recipients are finished (journal), what is still owed (the next DEFER record), and
 * whether the sender must hear of it. The decisions of durability rules 5, 6, 11 and 12; the order of their effects is in
 * effects.ts. Pure: every fact comes in, every consequence is in the returned value.
 */
import type {
  DeferRecord,
  DeliveryOutcome,
  JobRecipient,
  JournalEntry,
  JournalKind,
  RecipientOutcome,
} from '@railpost/contracts';
import { type BackoffSettings, nextAttemptMs } from '../schedule/backoff.ts';
import { type LifetimeSettings, expiresAtMs, isLate } from '../schedule/expire.ts';
import { statuses } from '../statuses.ts';
import {
  type OwedReports,
  isSuccessReportNext,
  mergeReports,
  owesSuccessReport,
  reportingRecord,
  reportsWithout,
  withNewReports,
} from './success-reports.ts';

/** Facts from outside. */
export interface SettleFacts {
  readonly nowMs: number;
  readonly queue: BackoffSettings & LifetimeSettings;
  /** True when a hold on one of the job's open originals is in force (set while the job was in hand). */
  readonly isHeld: boolean;
}

/** Consequences of an outcome. */
export interface Settlement {
  /**
   * To be written to DEFER before the journal: reports of success that would be forgotten if we died between journal and
   * `next`. Undefined when no such report is new.
   */
  readonly first: DeferRecord | undefined;
  /** To be journalled before `next` is written. */
  readonly entries: readonly JournalEntry[];
  /** To be written to DEFER; undefined: the job is finished. */
  readonly next: DeferRecord | undefined;
  /** The sender is to be told that the job is late. A failure report follows from state `bouncing`. */
  readonly isDelayReportDue: boolean;
  /** Reports of success in `next` are to be sent now. */
  readonly isSuccessReportDue: boolean;
  /** Recipients given up because the lifetime is over. */
  readonly expired: readonly JobRecipient[];
  /** True when the job is held because only faults of our own stood between it and delivery: a human must look. */
  readonly isHeldForOwnFault: boolean;
}

/** What one recipient's result leads to. */
type Verdict = 'finished' | 'bouncing' | 'open';

interface Tally {
  readonly entries: JournalEntry[];
  readonly done: number[];
  readonly bouncing: number[];
  readonly outcomes: RecipientOutcome[];
  readonly expired: JobRecipient[];
}

/** Settles an attempt to deliver. Recipients that were done before are not touched, whatever the outcome says of them. */
export function settleDelivery(
  record: DeferRecord,
  outcome: DeliveryOutcome,
  facts: SettleFacts,
): Settlement {
  const { nowMs, queue } = facts;
  const tries = record.tries + 1;
  const expiry = expiresAtMs(ageFacts(record), queue);
  const isExpired = nowMs >= expiry;
  const tally = countUp(record, outcome, isExpired);
  const owed = mergeReports(record, outcome.recipients, nowMs);
  const isOwnFaultToTheEnd = isExpired && outcome.isOwnFault && tally.outcomes.length > tally.bouncing.length;
  const next = nextRecord(record, tally, {
    tries,
    nowMs,
    nextMs: nextAttemptMs(tries, { nowMs, expiresAtMs: expiry }, queue),
    isHeld: facts.isHeld || isOwnFaultToTheEnd,
    isOwnFault: outcome.isOwnFault,
    owed,
  });
  const isHeldForOwnFault = isOwnFaultToTheEnd && next?.state === 'held';
  return {
    first: withNewReports(record, owed),
    entries: isHeldForOwnFault ? [...tally.entries, ...heldEntries(next)] : tally.entries,
    next,
    isDelayReportDue: next?.state === 'deferred' && owesDelayReport(next, facts),
    isSuccessReportDue: isSuccessReportNext(next),
    expired: tally.expired,
    isHeldForOwnFault,
  };
}

/** Judges every open recipient. A fault of our own never gives a recipient up. */
function countUp(record: DeferRecord, outcome: DeliveryOutcome, isExpired: boolean): Tally {
  const tally: Tally = { entries: [], done: [...record.done], bouncing: [], outcomes: [], expired: [] };
  for (const [index, recipient] of record.job.recipients.entries()) {
    if (record.done.includes(index)) continue;
    const result = resultFor(recipient, outcome);
    const givesUp = result.disposition === 'deferred' && isExpired && !outcome.isOwnFault;
    if (givesUp) tally.expired.push(recipient);
    const final = givesUp ? { ...result, disposition: 'bounced' as const } : result;
    const verdict = judge(record, { recipient, result: final }, tally.entries);
    if (verdict === 'finished') tally.done.push(index);
    else tally.outcomes.push(final);
    if (verdict === 'bouncing') tally.bouncing.push(index);
  }
  return tally;
}

/** Settles the answer of bounce to a failure report. Only now are its recipients finished (rule 6). */
export function settleFailureReport(
  record: DeferRecord,
  outcome: DeliveryOutcome,
  facts: SettleFacts,
): Settlement {
  const isReported = outcome.recipients.every((result) => result.disposition !== 'deferred');
  if (!isReported) {
    const nextMs = facts.nowMs + facts.queue.backoffMinimumMs;
    return settled([], { ...record, nextMs, lastFaultIsOurs: true });
  }
  const entries = record.bouncing.flatMap((index) =>
    entryOf(record, record.job.recipients[index], 'bounced'),
  );
  const done = [...record.done, ...record.bouncing];
  const isDone = done.length >= record.job.recipients.length;
  if (isDone && !owesSuccessReport(record)) return settled(entries, undefined);
  if (isDone)
    return settled(entries, reportingRecord({ ...record, done, bouncing: [], outcomes: [] }, facts.nowMs));
  const expiry = expiresAtMs(ageFacts(record), facts.queue);
  return settled(entries, {
    ...record,
    state: facts.isHeld ? 'held' : 'deferred',
    nextMs: nextAttemptMs(record.tries, { nowMs: facts.nowMs, expiresAtMs: expiry }, facts.queue),
    done,
    bouncing: [],
    outcomes: openOutcomes(record, done),
  });
}

/** Settles the answer of bounce to reports of success; what else the job owes does not change. */
export function settleSuccessReport(
  record: DeferRecord,
  outcome: DeliveryOutcome,
  facts: SettleFacts,
): Settlement {
  const isReported = outcome.recipients.every((result) => result.disposition !== 'deferred');
  if (isReported) {
    const next = { ...record, reports: reportsWithout(record, outcome.recipients) };
    return settled([], record.state === 'reporting' && !owesSuccessReport(next) ? undefined : next);
  }
  const nextMs = record.state === 'reporting' ? facts.nowMs + facts.queue.backoffMinimumMs : record.nextMs;
  // In another state the reports are asked for again after the next attempt.
  return { ...settled([], { ...record, nextMs }), isSuccessReportDue: false };
}

/** Settles the answer of bounce to a delay report; the schedule of the job does not change. */
export function settleDelayReport(record: DeferRecord, outcome: DeliveryOutcome): Settlement {
  const isReported = outcome.recipients.every((result) => result.disposition !== 'deferred');
  return settled([], { ...record, hasDelayWarning: isReported });
}

/**
 * Settles what an agent says of a job that is not in its hand by this owner's knowledge (a silent agent came back, rule 9):
 * a success is a fact and is journalled; everything else is overtaken by what was decided meanwhile.
 */
export function settleLate(record: DeferRecord, outcome: DeliveryOutcome, nowMs: number): Settlement {
  const entries: JournalEntry[] = [];
  const done = [...record.done];
  for (const [index, recipient] of record.job.recipients.entries()) {
    if (done.includes(index) || record.bouncing.includes(index)) continue;
    if (resultFor(recipient, outcome).disposition !== 'delivered') continue;
    entries.push(...entryOf(record, recipient, 'delivered'));
    done.push(index);
  }
  const served = outcome.recipients.filter((result) => result.disposition === 'delivered');
  const owed = mergeReports(record, served, nowMs);
  const first = withNewReports(record, owed);
  const isDone = done.length >= record.job.recipients.length;
  const isOver = isDone && !owesSuccessReport(owed);
  const open = { ...(first ?? record), done, outcomes: openOutcomes(record, done) };
  const next = isDone ? reportingRecord(open, nowMs) : open;
  return { ...settled(entries, isOver ? undefined : next), first };
}

/** Indexes of the recipients that a delay report is about: those that asked for it, or for nothing (RFC 3461 section 4.1). */
export function delayReportIndexes(record: DeferRecord): number[] {
  return record.job.recipients.flatMap((recipient, index) => {
    const wants = recipient.notify === undefined || recipient.notify.includes('DELAY');
    return wants && !record.done.includes(index) ? [index] : [];
  });
}

/** Journal entries that put every open recipient of the job on hold. */
export function heldEntries(record: DeferRecord): JournalEntry[] {
  return openEntries(record, 'held');
}

/** Journal entries of one kind for every recipient that is not done. */
export function openEntries(record: DeferRecord, kind: JournalKind): JournalEntry[] {
  return record.job.recipients.flatMap((recipient, index) =>
    record.done.includes(index) ? [] : entryOf(record, recipient, kind),
  );
}

function judge(
  record: DeferRecord,
  about: { readonly recipient: JobRecipient; readonly result: RecipientOutcome },
  entries: JournalEntry[],
): Verdict {
  const { recipient, result } = about;
  if (result.disposition === 'deferred') return 'open';
  if (result.disposition === 'delivered') {
    const kind = record.job.nextHop.transport === 'discard' ? 'discarded' : 'delivered';
    entries.push(...entryOf(record, recipient, kind));
    return 'finished';
  }
  // No report about a report (RFC 5321 section 6.1), and none that the sender refused (RFC 3461 section 4.1).
  if (record.job.reversePath === '') {
    entries.push(...entryOf(record, recipient, 'dropped'));
    return 'finished';
  }
  if (recipient.notify !== undefined && !recipient.notify.includes('FAILURE')) {
    entries.push(...entryOf(record, recipient, 'bounced'));
    return 'finished';
  }
  return 'bouncing';
}

function nextRecord(
  record: DeferRecord,
  tally: Tally,
  how: {
    readonly tries: number;
    readonly nowMs: number;
    readonly nextMs: number;
    readonly isHeld: boolean;
    readonly isOwnFault: boolean;
    readonly owed: OwedReports;
  },
): DeferRecord | undefined {
  const { owed } = how;
  if (tally.done.length >= record.job.recipients.length) {
    if (!owesSuccessReport(owed)) return undefined;
    const finished = { ...record, ...owed, done: tally.done, bouncing: [], outcomes: [] };
    return reportingRecord({ ...finished, tries: how.tries, decidedAtMs: how.nowMs }, how.nowMs);
  }
  const isBouncing = tally.bouncing.length > 0;
  const waiting = how.isHeld ? 'held' : 'deferred';
  return {
    ...record,
    state: isBouncing ? 'bouncing' : waiting,
    tries: how.tries,
    nextMs: isBouncing ? how.nowMs : how.nextMs,
    done: tally.done,
    bouncing: tally.bouncing,
    outcomes: tally.outcomes,
    decidedAtMs: how.nowMs,
    lastFaultIsOurs: how.isOwnFault,
    ...owed,
  };
}

function owesDelayReport(next: DeferRecord, facts: SettleFacts): boolean {
  if (next.hasDelayWarning || delayReportIndexes(next).length === 0) return false;
  return isLate(ageFacts(next), facts.nowMs, facts.queue);
}

function resultFor(recipient: JobRecipient, outcome: DeliveryOutcome): RecipientOutcome {
  const found = outcome.recipients.find(
    (result) => result.orig === recipient.orig && result.final === recipient.final,
  );
  if (found !== undefined) return found;
  const { orig, final, run, n } = recipient;
  return { orig, final, run, n, disposition: 'deferred', status: statuses.noResult, relay: 'none' };
}

function openOutcomes(record: DeferRecord, done: readonly number[]): RecipientOutcome[] {
  const open = record.job.recipients.filter((_, index) => !done.includes(index));
  return record.outcomes.filter((result) =>
    open.some((recipient) => recipient.orig === result.orig && recipient.final === result.final),
  );
}

function entryOf(
  record: DeferRecord,
  recipient: JobRecipient | undefined,
  kind: JournalKind,
): JournalEntry[] {
  if (recipient === undefined) return [];
  const { orig, final, run, n } = recipient;
  return [{ queueId: record.job.queueId, orig, final, kind, run, n }];
}

function ageFacts(record: DeferRecord): {
  reversePath: string;
  receivedAtMs: number;
  suspendedMs: number;
} {
  const { reversePath, receivedAt } = record.job;
  return { reversePath, receivedAtMs: Date.parse(receivedAt), suspendedMs: record.suspendedMs };
}

function settled(entries: readonly JournalEntry[], next: DeferRecord | undefined): Settlement {
  return {
    first: undefined,
    entries,
    next,
    isDelayReportDue: false,
    isSuccessReportDue: isSuccessReportNext(next),
    expired: [],
    isHeldForOwnFault: false,
  };
}
