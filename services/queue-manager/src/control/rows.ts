/**
 * Rows of `queue list`, paged by (queue id, job id). Most entries are not loaded, so the page is chosen among entries and
 * only its records are read.
 */
import type { ControlReply, ControlRequest, DeferRecord, QueueName, QueueRow } from '@railpost/contracts';
import type { Loader } from '../loader.ts';
import type { QueuedJob } from '../queue/queued-job.ts';
import { statuses } from '../statuses.ts';
import type { Term } from '../term.ts';

/** Rows of 50 recipients each must stay below the 512 KiB of an answer. */
const rowsPerPage = 100;

type ListRequest = Extract<ControlRequest, { operation: 'list' }>;

/** Answers `list`. */
export async function listRows(
  term: Term,
  loader: Loader,
  request: ListRequest,
): Promise<Pick<ControlReply, 'rows' | 'next'>> {
  const limit = Math.max(1, Math.min(request.limit, rowsPerPage));
  const page = choosePage(term, request, limit + 1);
  const shown = page.slice(0, limit);
  const rows = await Promise.all(
    shown.map(async (job) => rowOf(job, job.record ?? (await loader.peek(job)))),
  );
  const last = shown.at(-1);
  const hasMore = page.length > limit && last !== undefined;
  return { rows: rows.flat(), ...(hasMore ? { next: keyOf(last) } : {}) };
}

/** The `count` jobs that follow `after`, in order, without sorting the whole queue. */
function choosePage(term: Term, request: ListRequest, count: number): QueuedJob[] {
  const { queue } = term;
  const source = request.queueId === undefined ? queue.all() : queue.ofMessage(request.queueId);
  let page: QueuedJob[] = [];
  for (const job of source) {
    if (request.queue !== undefined && queueNameOf(job) !== request.queue) continue;
    if (request.after !== undefined && keyOf(job) <= request.after) continue;
    page.push(job);
    if (page.length >= 4 * count + 1000) page = smallest(page, count);
  }
  return smallest(page, count);
}

function smallest(jobs: QueuedJob[], count: number): QueuedJob[] {
  return jobs.sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1)).slice(0, count);
}

function keyOf(job: QueuedJob): string {
  return `${job.queueId} ${job.jobId}`;
}

/** What a user calls the queue that the job is in. */
function queueNameOf(job: QueuedJob): QueueName {
  if (job.state === 'held') return 'hold';
  const isWorking = job.stage !== 'waiting' && job.stage !== 'suspended';
  return isWorking || job.state === 'active' ? 'active' : 'deferred';
}

function rowOf(job: QueuedJob, record: DeferRecord | undefined): QueueRow[] {
  if (record === undefined) return [];
  const isReporting = record.state === 'reporting';
  const open = record.job.recipients.filter((_, index) => isReporting || !record.done.includes(index));
  const queue = queueNameOf(job);
  const reason = isReporting ? statuses.reportOwed.text : record.outcomes[0]?.status.text;
  return [
    {
      queueId: job.queueId,
      jobId: job.jobId,
      queue,
      destination: record.job.destination,
      reversePath: record.job.reversePath,
      recipients: open.map((recipient) => recipient.final),
      sizeBytes: record.job.content.bytes,
      receivedAt: record.job.receivedAt,
      tries: job.tries,
      ...(queue === 'deferred' ? { nextAttemptAt: new Date(job.nextMs).toISOString() } : {}),
      ...(reason === undefined ? {} : { reason }),
      isInFlight: job.stage === 'dispatched' || job.stage === 'settling',
    },
  ];
}
