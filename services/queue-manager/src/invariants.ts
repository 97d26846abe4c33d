/**
 * What must never be seen here, whatever happens outside (docs/durability.md, "Invariants"): asserted where it would do harm, counted,
 * logged and stated as a problem. A count above 0 is a bug of ours; nothing is stopped for it, since the mail is better off moving.
 */
import type { QueueContext } from './context.ts';
import { invariantViolated } from './events.ts';
import { isFinished, withDone } from './gather.ts';
import type { QueueMetrics } from './metrics.ts';
import type { DoneSet } from './queue/done-set.ts';
import type { QueuedJob } from './queue/queued-job.ts';

/** Where a violation is told. */
export interface InvariantParts {
  readonly context: Pick<QueueContext, 'log' | 'setProblem'>;
  readonly metrics: Pick<QueueMetrics, 'invariantViolations'>;
  readonly done: DoneSet;
}

/** Invariant 2: a job is let go only when the journal has every recipient. Asked right before it is acknowledged. */
export function assertJournalled(parts: InvariantParts, job: QueuedJob): void {
  if (job.record === undefined || isFinished(withDone(job.record, parts.done))) return;
  report(parts, '2', `job ${job.jobId} is acknowledged, and the journal lacks a recipient`);
}

/** Invariant 3: nothing that is bounced or on hold is attempted. Asked right before a dispatch; the journal was asked before. */
export function assertDeliverable(parts: InvariantParts, job: QueuedJob): void {
  const state = job.record?.state;
  if (job.task !== 'deliver' || (state !== 'bouncing' && state !== 'held')) return;
  report(parts, '3', `job ${job.jobId} is dispatched in state ${state}`);
}

function report({ context, metrics }: InvariantParts, invariant: '2' | '3', detail: string): void {
  metrics.invariantViolations.inc({ invariant });
  invariantViolated(context.log, { invariant, detail });
  context.setProblem(
    `invariant-${invariant}`,
    `invariant ${invariant} of durability.md was violated: ${detail}`,
  );
}
