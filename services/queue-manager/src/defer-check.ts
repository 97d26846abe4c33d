/**
 * Compares memory with DEFER while a term lasts: a record that disappeared behind the owner's back (an operator's hand, a fault of the
 * store) would be missed only when its job is due. The count of the stream tells whether anything is missing, at the cost of one
 * question; the subjects are listed only then. A job whose record is in memory is written anew; of another the queue id is
 * remembered as lost, and the spool's keeper finds that nobody has the message (durability rule 20).
 */
import { exclusively } from './effects.ts';
import { busProblem, deferRecordLost } from './events.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import type { Term } from './term.ts';

/** A running check. */
export interface DeferCheck {
  stop(): void;
}

/** Starts it. @param everyMs time between two looks; a loss is believed when two in a row show it */
export function startDeferCheck(term: Term, everyMs: number): DeferCheck {
  let isSuspicious = false;
  let running: Promise<void> | undefined;

  async function look(): Promise<void> {
    const { context, shard, signal } = term;
    try {
      const isShort = await isRecordMissing(term);
      if (isShort && isSuspicious) await dropLost(term);
      isSuspicious = isShort;
    } catch (error) {
      if (!signal.aborted)
        busProblem(context.log, { shard, what: 'comparing memory with DEFER', error: String(error) });
    }
  }

  const timer = setInterval(() => {
    if (!term.mayAct()) return;
    running ??= look().finally(() => {
      running = undefined;
    });
  }, everyMs);
  return { stop: () => clearInterval(timer) };
}

/** Records only become more while we ask, but for those that we delete ourselves. */
async function isRecordMissing(term: Term): Promise<boolean> {
  const { context, shard, queue, effects } = term;
  let known = 0;
  for (const job of queue.all()) if (job.deferSequence > 0) known += 1;
  const deletesBefore = effects.deletes;
  const { state } = await context.bus.manager.streams.info(context.bus.names.deferStream(shard));
  const epochRecords = 1;
  return state.messages - epochRecords < known - (effects.deletes - deletesBefore);
}

async function dropLost(term: Term): Promise<void> {
  const { context, shard, queue } = term;
  const { names, manager } = context.bus;
  const { state } = await manager.streams.info(names.deferStream(shard), {
    subjects_filter: `${names.prefix}.def.${shard}.*.>`,
  });
  const present = new Set(Object.keys(state.subjects ?? {}));
  const missing = [...queue.all()].filter(
    (job) =>
      job.deferSequence > 0 &&
      job.deferSequence <= state.last_seq &&
      !present.has(`${names.prefix}.def.${shard}.${job.destination.token}.${job.jobId}`),
  );
  for (const job of missing) if (queue.get(job.jobId) === job) handleLost(term, job);
}

function handleLost(term: Term, job: QueuedJob): void {
  const { context, queue, effects, lost } = term;
  const { queueId, jobId } = job;
  // In an agent's hand or being written: what comes of that is written down.
  if (job.stage === 'dispatched' || job.stage === 'settling') return;
  deferRecordLost(context.log, { queueId, jobId, isRewritten: job.record !== undefined });
  const { record } = job;
  if (record !== undefined) return term.watch(exclusively(job, () => effects.defer(job, record)));
  lost.add(queueId);
  queue.remove(job);
}
