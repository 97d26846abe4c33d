/** Builds dispatch frames: at most 64 jobs and 512 KiB each, a job as what it now asks for. */
import type { DispatchedJob, DeferRecord } from '@railpost/contracts';
import { expiresAtMs } from '../schedule/expire.ts';
import type { LifetimeSettings } from '../schedule/expire.ts';
import { delayReportIndexes } from '../outcome/settle.ts';
import type { QueuedJob } from '../queue/queued-job.ts';

/** Most jobs of a frame. */
export const jobsPerFrame = 64;
const frameLimitCharacters = 512 * 1024;

/** A job with its place in a frame. */
export interface FramedJob {
  readonly job: QueuedJob;
  readonly dispatched: DispatchedJob;
}

/** Describes a loaded job for the agent; undefined when its record is not loaded. */
export function describeJob(job: QueuedJob, settings: LifetimeSettings): FramedJob | undefined {
  const { record } = job;
  if (record === undefined) return undefined;
  const { task, tries, activeAtMs } = job;
  const pending = pendingIndexes(record, task);
  const base = { job: record.job, task, tries, pending, activeAtMs };
  if (task === 'deliver') return { job, dispatched: base };
  const wanted = pending.map((index) => record.job.recipients[index]);
  const outcomes = record.outcomes.filter((outcome) =>
    wanted.some((recipient) => recipient?.orig === outcome.orig && recipient.final === outcome.final),
  );
  const report = { decidedAtMs: record.decidedAtMs, outcomes };
  if (task === 'failure') return { job, dispatched: { ...base, report } };
  const untilMs = expiresAtMs(
    {
      reversePath: record.job.reversePath,
      receivedAtMs: job.receivedAtMs,
      suspendedMs: record.suspendedMs,
    },
    settings,
  );
  const willRetryUntil = new Date(untilMs).toISOString();
  return { job, dispatched: { ...base, report: { ...report, willRetryUntil } } };
}

/** Cuts jobs into frames by number and size. */
export function cutFrames(jobs: readonly FramedJob[]): FramedJob[][] {
  const frames: FramedJob[][] = [];
  let frame: FramedJob[] = [];
  let characters = 0;
  for (const each of jobs) {
    const size = JSON.stringify(each.dispatched).length;
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
  return record.job.recipients.flatMap((_, index) => (record.done.includes(index) ? [] : [index]));
}
