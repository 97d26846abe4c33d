/**
 * After a takeover: what the journal knows of jobs that were found in DEFER (durability rules 10 and 12). Jobs that it calls
 * finished are dropped now, not when they are due. A job that is on hold in the journal but not in DEFER is one whose
 * release was not finished (DEFER written, journal not): the release is journalled first. If another job of the same original
 * is still held in DEFER, the release was never said to be done for it, and this one is held too.
 */
import type { DeferRecord, JournalEntry } from '@railpost/contracts';
import { exclusively } from './effects.ts';
import { isFinished, isOnHold, withDone } from './gather.ts';
import type { Loader } from './loader.ts';
import { openEntries } from './outcome/settle.ts';
import { owesSuccessReport } from './outcome/success-reports.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import type { Term } from './term.ts';

const atOnce = 100;

/** Checks those of the scanned jobs that the journal has a word on. Jobs that remain are left to be placed. */
export async function reconcileHolds(
  term: Term,
  loader: Loader,
  jobs: Iterable<QueuedJob> = term.queue.all(),
): Promise<void> {
  const doubtful = [...jobs].filter(
    (job) => term.done.knows(job.queueId) || (job.state !== 'held' && term.holds.holds(job.queueId)),
  );
  for (let start = 0; start < doubtful.length; start += atOnce)
    await Promise.all(doubtful.slice(start, start + atOnce).map((job) => reconcile(term, loader, job)));
}

async function reconcile(term: Term, loader: Loader, job: QueuedJob): Promise<void> {
  const found = await loader.peek(job);
  if (found === undefined) return;
  const record = withDone(found, term.done);
  // A job that owes reports of success goes on when it is due.
  if (isFinished(record)) return owesSuccessReport(record) ? undefined : term.effects.finish(job);
  const isHoldable = record.state === 'active' || record.state === 'deferred';
  if (!isHoldable || !isOnHold(record, term.holds)) return;
  const heldSibling = term.queue.ofMessage(job.queueId).some((each) => each.state === 'held');
  await exclusively(job, async () => {
    if (heldSibling) await term.effects.defer(job, { ...record, state: 'held' });
    else await term.effects.journal(releasedEntries(record), record.job.incomingSequence);
  });
}

function releasedEntries(record: DeferRecord): JournalEntry[] {
  return openEntries(record, 'released');
}
