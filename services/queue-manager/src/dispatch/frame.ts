/**
 * Builds dispatch frames: at most 64 jobs and about 512 KiB each, a job as what it now asks for. A job becomes JSON once; frames are put
 * together of these texts.
 */
import type { DeferRecord, DispatchFrame, DispatchedJob } from '@railpost/contracts';
import { encodeUtf8 } from '@railpost/mail';
import { expiresAtMs } from '../schedule/expire.ts';
import type { LifetimeSettings } from '../schedule/expire.ts';
import { delayReportIndexes } from '../outcome/settle.ts';
import { reportsTimeMs, successReportIndexes } from '../outcome/success-reports.ts';
import type { Batch, Destination } from '../queue/destinations.ts';
import type { QueuedJob } from '../queue/queued-job.ts';

/** Most jobs of a frame. */
export const jobsPerFrame = 64;
/** Leaves room for one large job beyond it in the 1 MB that NATS carries. */
const frameLimitCharacters = 384 * 1024;

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

/** A frame that is being filled. */
export class Frame {
  readonly jobs: QueuedJob[] = [];
  /** In the order of the frame's `widths`. */
  readonly batches: Batch[] = [];
  readonly #texts: string[] = [];
  readonly #indexes: number[] = [];
  readonly #byLane = new Map<Destination, number>();
  #characters = 0;

  /** True when no job should be added; a single one may be larger than the limit. */
  get isFull(): boolean {
    return this.jobs.length >= jobsPerFrame || this.#characters >= frameLimitCharacters;
  }

  /** The batch of a lane that is in the frame already. */
  batchOf(lane: Destination): Batch | undefined {
    const index = this.#byLane.get(lane);
    return index === undefined ? undefined : this.batches[index];
  }

  /** Adds a job of the lane's batch. */
  add({ job, text }: FramedJob, batch: Batch): void {
    const index = this.#byLane.get(batch.lane) ?? this.batches.push(batch) - 1;
    this.#byLane.set(batch.lane, index);
    this.jobs.push(job);
    this.#texts.push(text);
    this.#indexes.push(index);
    this.#characters += text.length;
  }

  /** The payload. Jobs that may all run at once need no mention of their batch. */
  encode(head: Omit<DispatchFrame, 'jobs' | 'widths'>): Uint8Array {
    const texts = this.#texts.map((text, position) => {
      const index = this.#indexes[position] ?? 0;
      const batch = this.batches[index];
      const isWhole = batch === undefined || batch.width >= batch.size;
      return isWhole ? text : `${text.slice(0, -1)},"batch":${index}}`;
    });
    const widths = this.batches.map((batch) => batch.width);
    const start = JSON.stringify({ ...head, widths }).slice(0, -1);
    return encodeUtf8(`${start},"jobs":[${texts.join(',')}]}`);
  }
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

function pendingIndexes(record: DeferRecord, task: QueuedJob['task']): number[] {
  if (task === 'failure') return [...record.bouncing];
  if (task === 'delay') return delayReportIndexes(record);
  if (task === 'success') return successReportIndexes(record);
  return record.job.recipients.flatMap((_, index) => (record.done.includes(index) ? [] : [index]));
}
