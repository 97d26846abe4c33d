/**
 * Brings jobs whose time has come back into memory: reads their records from DEFER, drops what the journal calls finished,
 * keeps what is on hold, adds the time its MailDomain was suspended, and makes the rest ready.
 */
import type { DeferRecord } from '@railpost/contracts';
import { moveToCorrupt } from './corrupt.ts';
import { exclusively } from './effects.ts';
import { busProblem, recordCorrupt } from './events.ts';
import { isFinished, isOnHold, readDeferRecord, suspendedDomainOf, withDone } from './gather.ts';
import { owesSuccessReport, provenEntries, reportingRecord } from './outcome/success-reports.ts';
import type { QueuedJob } from './queue/queued-job.ts';
import type { Term } from './term.ts';

const perLane = 100;
const atOnce = 400;
const retryMs = 1000;

/** Loads jobs of one term. */
export class Loader {
  readonly #term: Term;
  #isLoading = false;

  constructor(term: Term) {
    this.#term = term;
  }

  /** Loads until nothing more is due or lanes have enough. Called often; one run at a time. */
  async run(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      for (;;) {
        const jobs = this.#term.mayAct() ? this.#term.queue.takeDue(perLane, atOnce) : [];
        if (jobs.length === 0) return;
        await Promise.all(jobs.map((job) => this.load(job)));
        this.#term.kick();
      }
    } finally {
      this.#isLoading = false;
    }
  }

  /** Loads one job that is `settling` and places it. Rejects when the term is over. */
  async load(job: QueuedJob): Promise<void> {
    const { queue, context, done, holds, effects } = this.#term;
    const found = job.deferSequence === 0 ? job.record : await this.read(job);
    if (found === undefined) return;
    await effects.journal(provenEntries(withDone(found, done)), found.job.incomingSequence);
    const record = withDone(found, done);
    const nowMs = context.clock.nowMs();
    if (isFinished(record) && !owesSuccessReport(record)) return effects.finish(job);
    if (isFinished(record)) return this.#report(job, record);
    job.record = record;
    if (job.task === 'deliver' && owesSuccessReport(record)) job.task = 'success';
    const changed = this.#changeOf(job, record, nowMs);
    if (isHoldable(record) && isOnHold(record, holds))
      return this.#rewrite(job, { ...record, state: 'held' });
    if (changed !== undefined) return this.#rewrite(job, changed);
    queue.place(job, nowMs);
  }

  /**
   * Reads the record of a job. Undefined when there is nothing to go on with: a damaged record has gone to CORRUPT, a missing one
   * was removed by somebody else, and when NATS does not answer the job is placed again a second later.
   */
  async read(job: QueuedJob): Promise<DeferRecord | undefined> {
    const { queue, context, shard } = this.#term;
    try {
      const stored = await readDeferRecord(context, shard, job.deferSequence);
      if (stored.kind === 'record') {
        if (stored.record.job.jobId === job.jobId) return stored.record;
        // NATS has gone back, and the sequence names the record of another job now: that must stay.
        job.deferSequence = 0;
      }
      await this.#giveUp(job, stored.kind === 'damaged' ? stored.payload : undefined);
    } catch (error) {
      busProblem(context.log, { shard, what: 'reading a DEFER record', error: String(error) });
      setTimeout(() => {
        if (queue.get(job.jobId) === job && job.stage === 'settling') queue.place(job, context.clock.nowMs());
      }, retryMs);
    }
    return undefined;
  }

  /** Reads the record without changing anything; undefined when that is not possible now. */
  async peek(job: QueuedJob): Promise<DeferRecord | undefined> {
    const { context, shard } = this.#term;
    try {
      const stored = await readDeferRecord(context, shard, job.deferSequence);
      return stored.kind === 'record' && stored.record.job.jobId === job.jobId ? stored.record : undefined;
    } catch (error) {
      busProblem(context.log, { shard, what: 'reading a DEFER record', error: String(error) });
      return undefined;
    }
  }

  async #giveUp(job: QueuedJob, payload: Uint8Array | undefined): Promise<void> {
    const { context, shard, effects, metrics } = this.#term;
    const busSubject = context.bus.names.deferSubject(shard, job.destination.name, job.jobId);
    const reason = payload === undefined ? 'DEFER record is missing' : 'not a DEFER record';
    if (payload === undefined) metrics.corrupt.inc({ reason: 'record-missing' });
    else
      await moveToCorrupt(this.#term, {
        reason: 'undecodable',
        text: reason,
        queueId: job.queueId,
        busSubject,
        payload,
      });
    if (payload === undefined) this.#term.lost.add(job.queueId);
    recordCorrupt(context.log, { busSubject, reason });
    effects.finish(job);
  }

  /** Time suspended does not count against the lifetime; it is written down before the job goes on. */
  #changeOf(job: QueuedJob, record: DeferRecord, nowMs: number): DeferRecord | undefined {
    if (!job.wasSuspended || suspendedDomainOf(this.#term.context, record.job) !== undefined)
      return undefined;
    job.wasSuspended = false;
    const sinceMs = Math.min(record.nextMs, nowMs);
    return { ...record, suspendedMs: record.suspendedMs + nowMs - sinceMs, nextMs: nowMs };
  }

  /** Only reports of success are owed. */
  #report(job: QueuedJob, record: DeferRecord): void {
    const { queue, context } = this.#term;
    const nowMs = context.clock.nowMs();
    job.record = record.state === 'reporting' ? record : reportingRecord(record, nowMs);
    job.state = 'reporting';
    job.task = 'success';
    job.nextMs = job.record.nextMs;
    queue.place(job, nowMs);
  }

  async #rewrite(job: QueuedJob, record: DeferRecord): Promise<void> {
    const { effects, queue, context } = this.#term;
    await exclusively(job, () => effects.defer(job, record));
    queue.place(job, context.clock.nowMs());
  }
}

/** A job that is held is; one whose sender is owed a report of failure or success goes on: its fate is decided. */
function isHoldable(record: DeferRecord): boolean {
  return record.state === 'active' || record.state === 'deferred';
}
