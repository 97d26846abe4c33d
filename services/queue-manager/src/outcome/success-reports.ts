/**
 * Reports of success that a job owes its sender (RFC 3461): kept in its DEFER record until bounce has sent them. They are written there
 * before the journal says that their recipients are done, so that no death of an owner forgets them; a job that owes none is
 * never written for their sake. Pure.
 */
import type { DeferRecord, JournalEntry, RecipientOutcome } from '@railpost/contracts';

/** True when a report of success is owed. */
export function owesSuccessReport(record: OwedReports): boolean {
  return record.reports !== undefined && record.reports.length > 0;
}

/** A job whose recipients are all finished, but not its reports of success. */
export function reportingRecord(record: DeferRecord, nowMs: number): DeferRecord {
  return { ...record, state: 'reporting', nextMs: nowMs };
}

/** What a record says of reports. */
export type OwedReports = Pick<DeferRecord, 'reports' | 'reportsDecidedAtMs'>;

/**
 * The record that owes new reports and says nothing else yet; undefined when none is new. Their time changes only then: whoever asks for
 * the same reports again asks for the same message (durability rule 6). The attempt counts from here on, so that nobody tells again
 * that an alias was expanded.
 */
export function withNewReports(record: DeferRecord, owed: OwedReports): DeferRecord | undefined {
  const hasNew = (owed.reports?.length ?? 0) > (record.reports?.length ?? 0);
  return hasNew ? { ...record, ...owed, tries: record.tries + 1 } : undefined;
}

/** A failure report goes first; it changes what else is owed. */
export function isSuccessReportNext(next: DeferRecord | undefined): boolean {
  return next !== undefined && next.state !== 'bouncing' && owesSuccessReport(next);
}

/** The reports owed with these results: one per recipient and action, however often it is told. */
export function mergeReports(
  record: DeferRecord,
  results: readonly RecipientOutcome[],
  nowMs: number,
): OwedReports {
  const known = record.reports ?? [];
  const isKnown = (result: RecipientOutcome) =>
    known.some((each) => isSame(each, result) && each.successReport === result.successReport);
  const isNews = ({ successReport }: RecipientOutcome) =>
    successReport !== undefined && (successReport !== 'expanded' || record.tries === 0);
  const added = results.filter((result) => isNews(result) && isOpen(record, result) && !isKnown(result));
  if (added.length > 0) return { reports: [...known, ...added], reportsDecidedAtMs: nowMs };
  if (known.length === 0) return {};
  return { reports: known, reportsDecidedAtMs: reportsTimeMs(record) };
}

/** The time that makes the queue id of the report. */
export function reportsTimeMs(record: DeferRecord): number {
  return record.reportsDecidedAtMs ?? record.decidedAtMs;
}

/** What is owed still when these were reported. */
export function reportsWithout(
  record: DeferRecord,
  reported: readonly RecipientOutcome[],
): RecipientOutcome[] {
  return (record.reports ?? []).filter((each) => !reported.some((result) => isSame(each, result)));
}

/** Indexes of the recipients that reports are owed for. */
export function successReportIndexes(record: DeferRecord): number[] {
  const reports = record.reports ?? [];
  return record.job.recipients.flatMap((recipient, index) =>
    reports.some((each) => isSame(each, recipient)) ? [index] : [],
  );
}

/**
 * Deliveries that the record proves and the journal does not know: its writer died between the two. They are facts, and are journalled
 * before the job goes on, so that nobody gets the message again.
 */
export function provenEntries(record: DeferRecord): JournalEntry[] {
  const { queueId, nextHop } = record.job;
  const kind = nextHop.transport === 'discard' ? 'discarded' : 'delivered';
  return (record.reports ?? [])
    .filter((each) => each.disposition === 'delivered' && isOpen(record, each))
    .map(({ orig, final, run, n }) => ({ queueId, orig, final, kind, run, n }));
}

function isOpen(record: DeferRecord, result: RecipientOutcome): boolean {
  return record.job.recipients.some((each, index) => isSame(each, result) && !record.done.includes(index));
}

type RecipientName = Pick<RecipientOutcome, 'orig' | 'final'>;

function isSame(left: RecipientName, right: RecipientName): boolean {
  return left.orig === right.orig && left.final === right.final;
}
