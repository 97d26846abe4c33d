/**
 * DEFER records that were due before the part of the journal that a takeover reads (durability rule 10). Most wait for a slow destination.
 * But NATS may have forgotten that a record was deleted (its disk was full when it died), and forgotten it again at each takeover that
 * dropped the record, until the journal's word of it was too old to be read: it would be delivered once more. So these jobs wait until
 * the journal has been read back to their time, beside the work; everything else goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadJournal } from '@railpost/spool';
import { busProblem } from './events.ts';
import { clockSlackMs } from './gather.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import type { ShardQueue } from './queue/shard-queue.ts';
import type { Term } from './term.ts';

/** Nobody's word of a deletion is missed for so long; jobs that are overdue for longer are those of suspended domains. */
const longestMs = 6 * 3_600_000;
const retryMs = 1000;

/** The scanned jobs that were due before `sinceMs`, the beginning of what was read of the journal. */
export function overdueJobs(queue: ShardQueue, sinceMs: number): ReadonlySet<QueuedJob> {
  const overdue = new Set<QueuedJob>();
  for (const job of queue.all())
    if (job.deferSequence > 0 && job.state !== 'held' && job.nextMs < sinceMs) overdue.add(job);
  return overdue;
}

/**
 * Adds to the done set what the journal says of these jobs' messages before `sinceMs`. An entry is as young as the job's last attempt, or as its
 * record when an outcome came late: one backoff before it was due. Goes on until the spool answers or the term ends.
 */
export async function readBack(term: Term, jobs: ReadonlySet<QueuedJob>, sinceMs: number): Promise<void> {
  const { context, shard, signal } = term;
  while (!signal.aborted) {
    try {
      return await readOnce(term, jobs, sinceMs);
    } catch (error) {
      busProblem(context.log, { shard, what: 'reading the journal back', error: String(error) });
    }
    await sleep(retryMs);
  }
}

async function readOnce(term: Term, jobs: ReadonlySet<QueuedJob>, sinceMs: number): Promise<void> {
  const { context, generation, done, incomingLast } = term;
  const { backoffMaximumMs } = context.configuration.current().platform.queue;
  const queueIds = new Set<string>();
  let oldestMs = sinceMs;
  for (const { queueId, nextMs } of jobs) {
    queueIds.add(queueId);
    oldestMs = Math.min(oldestMs, nextMs);
  }
  oldestMs = Math.max(oldestMs, sinceMs - longestMs);
  // Damage was stated by the takeover.
  const onDamaged = () => undefined;
  const selection = { generation, sinceMs: oldestMs - backoffMaximumMs - clockSlackMs, onDamaged };
  for await (const { entries } of loadJournal(context.store, selection))
    for (const entry of entries)
      if (queueIds.has(entry.queueId)) done.add(entry, incomingLast, context.clock.nowMs());
}
