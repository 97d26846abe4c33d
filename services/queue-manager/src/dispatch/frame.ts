/**
 * Builds dispatch frames: at most 64 jobs and 512 KiB each, a job as what it now asks for. A job becomes JSON once; frames are put
 * together of these texts.
 */
import type { DeferRecord, DispatchFrame, DispatchedJob } from '@railpost/contracts';
import { encodeUtf8 } from '@railpost/mail';
import { expiresAtMs } from '../schedule/expire.ts';
import type { LifetimeSettings } from '../schedule/expire.ts';
import { delayReportIndexes } from '../outcome/settle.ts';
import { reportsTimeMs, successReportIndexes } from '../outcome/success-reports.ts';
import type { QueuedJob } from '../queue/queued-job.ts';

/** Most jobs of a frame. */
export const jobsPerFrame = 64;
const frameLimitCharacters = 512 * 1024;

/** A job as text of a frame. */
export interface FramedJob {
  readonly job: QueuedJob;
  /** JSON of its DispatchedJob. */
  readonly text: string;
}

/** Frames a loaded job; undefined when its record is not loaded. */
export function frameJob(job: QueuedJob, settings: LifetimeSettings): FramedJob | undefined {
  if (job.record === undefined) return undefined;
  return { job, text: JSON.stringify(describeJob(job, job.record, settings)) };
}

/** The payload of a frame. */
export function encodeFrame(head: Omit<DispatchFrame, 'jobs'>, jobs: readonly FramedJob[]): Uint8Array {
  const texts = jobs.map((each) => each.text).join(',');
  return encodeUtf8(`${JSON.stringify(head).slice(0, -1)},"jobs":[${texts}]}`);
}

/** What the agent is told of a job. */
function describeJob(job: QueuedJob, record: DeferRecord, settings: LifetimeSettings): DispatchedJob {
  const { task, tries, activeAtMs } = job;
  const pending = pendingIndexes(record, task);
  const base = { job: record.job, task, tries, pending, activeAtMs };
  if (task === 'deliver') return base;
  if (task === 'success')
    return { ...base, report: { decidedAtMs: reportsTimeMs(record), outcomes: [...(record.reports ?? [])] } };
  const wanted = pending.map((index) => record.job.recipients[index]);
  const outcomes = record.outcomes.filter((outcome) =>
    wanted.some((recipient) => recipient?.orig === outcome.orig && recipient.final === outcome.final),
  );
  const report = { decidedAtMs: record.decidedAtMs, outcomes };
  if (task === 'failure') return { ...base, report };
  const untilMs = expiresAtMs(
    {
      reversePath: record.job.reversePath,
      receivedAtMs: job.receivedAtMs,
      suspendedMs: record.suspendedMs,
    },
    settings,
  );
  const willRetryUntil = new Date(untilMs).toISOString();
  return { ...base, report: { ...report, willRetryUntil } };
}

/** Cuts jobs into frames by number and size. */
export function cutFrames(jobs: readonly FramedJob[]): FramedJob[][] {
  const frames: FramedJob[][] = [];
  let frame: FramedJob[] = [];
  let characters = 0;
  for (const each of jobs) {
    const size = each.text.length;
    if (frame.length > 0 && (frame.length === jobsPerFrame || characters + size > frameLimitCharacters)) {
      frames.push(frame);
      frame = [];
      characters = 0;
    }
    frame.push(each);
    characters += size;
  }
  if (frame.length > 0) frames.push(frame);
  return frames;
}

function pendingIndexes(record: DeferRecord, task: QueuedJob['task']): number[] {
  if (task === 'failure') return [...record.bouncing];
  if (task === 'delay') return delayReportIndexes(record);
  if (task === 'success') return successReportIndexes(record);
  return record.job.recipients.flatMap((_, index) => (record.done.includes(index) ? [] : [index]));
}
