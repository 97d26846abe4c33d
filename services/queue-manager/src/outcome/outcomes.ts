/**
 * Takes outcomes and answers only when they are durable (durability rules 5 to 7). An outcome may come twice, from an agent of
 * a former owner, for a job that is unknown here or long settled: a success is always journalled, a repeat is only
 * acknowledged, and what was decided meanwhile stands.
 */
import {
  type DeferRecord,
  type DeliveryOutcome,
  type JournalEntry,
  type OutcomeAcknowledgement,
  type OutcomeFrame,
  type RecipientOutcome,
  encodeRecord,
} from '@railpost/contracts';
import type { Timing } from '../context.ts';
import { moveToCorrupt } from '../corrupt.ts';
import { exclusively } from '../effects.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import { bodyMissing, destinationDead, expired, heldForOwnFault } from '../events.ts';
import { gatherSettleFacts, isFinished, isSettledByJournal, withDone } from '../gather.ts';
import type { Loader } from '../loader.ts';
import { destinationName } from '../queue/destinations.ts';
import type { QueuedJob } from '../queue/queued-job.ts';
import type { Term } from '../term.ts';
import {
  type Settlement,
  settleDelayReport,
  settleDelivery,
  settleFailureReport,
  settleLate,
  settleSuccessReport,
} from './settle.ts';
import { owesSuccessReport } from './success-reports.ts';

const redeliverySlackMs = 10_000;

/** Settles the outcomes of one term. */
export class Outcomes {
  readonly #term: Term;
  readonly #dispatcher: Dispatcher;
  readonly #loader: Loader;
  /** Settlements in progress by job and task, so that a repeat waits for the first. */
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(term: Term, dispatcher: Dispatcher, loader: Loader) {
    this.#term = term;
    this.#dispatcher = dispatcher;
    this.#loader = loader;
  }

  /** Settles a frame; the answer names what is durable. Undefined when this process may not answer any more. */
  async take(frame: OutcomeFrame): Promise<OutcomeAcknowledgement | undefined> {
    const { outcomes, returned = [], worker } = frame;
    // Settling begins at once, so what a failure says of the destination counts for the jobs that come back with it.
    const settling = outcomes.map((outcome) => this.#settleOnce(outcome));
    this.#dispatcher.takeBack(worker, returned);
    const results = await Promise.all(settling);
    if (!this.#term.mayAct()) return undefined;
    const settled = outcomes.flatMap((outcome, index) => (results[index] === true ? [outcome.jobId] : []));
    return { version: 1, epoch: this.#term.epoch, settled };
  }

  /** Settles a job without an agent. */
  async settleOwn(job: QueuedJob, outcome: DeliveryOutcome): Promise<void> {
    const { record } = job;
    if (record === undefined) return;
    this.#term.queue.markSettling(job);
    await this.#apply(job, record, outcome);
  }

  #settleOnce(outcome: DeliveryOutcome): Promise<boolean> {
    const key = `${outcome.jobId} ${outcome.task}`;
    const running = this.#running.get(key) ?? this.#settle(outcome).finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }

  async #settle(outcome: DeliveryOutcome): Promise<boolean> {
    const { queue, context } = this.#term;
    if (!this.#term.mayAct()) return false;
    const job = queue.get(outcome.jobId);
    if (job === undefined) return this.#settleStranger(outcome);
    if (job.stage === 'settling') return false;
    const isCurrent = isAnswerTo(job, outcome);
    const { batch } = job;
    // An attempt that another agent makes at this moment decides by itself.
    if (!isCurrent && job.stage === 'dispatched') return this.#settleStranger(outcome);
    if (isCurrent && outcome.task === 'deliver') this.#giveFeedback(job, outcome);
    queue.markSettling(job);
    this.#dispatcher.noteEnded(batch);
    context.crashPoint('queue.outcome-in-memory');
    try {
      const record = job.record ?? (await this.#loader.read(job));
      if (record === undefined) return false;
      if (isCurrent) await this.#apply(job, record, outcome);
      else await this.#applyLate(job, record, outcome);
      this.#dispatcher.holdings.settle(outcome.jobId, context.clock.monotonicMs());
      this.#term.kick();
      return true;
    } catch (error) {
      // The job may be half written; the next owner starts from what is durable.
      this.#term.end(`outcome could not be settled: ${String(error)}`);
      return false;
    }
  }

  async #apply(job: QueuedJob, record: DeferRecord, outcome: DeliveryOutcome): Promise<void> {
    const { effects, context, metrics } = this.#term;
    if (outcome.content !== 'read' && (await this.#setAside(job, record, outcome))) return;
    const settlement = this.#decide(withDone(record, this.#term.done), outcome);
    if (outcome.task === 'failure') context.crashPoint('queue.dsn-before-journal');
    for (const result of outcome.task === 'deliver' ? outcome.recipients : [])
      metrics.outcomes.inc({ transport: record.job.nextHop.transport, disposition: result.disposition });
    await exclusively(job, () => effects.apply(job, settlement, record.job.incomingSequence));
    this.#log(job, record, settlement);
  }

  #decide(record: DeferRecord, outcome: DeliveryOutcome): Settlement {
    const facts = gatherSettleFacts(this.#term.context, record, this.#term.holds);
    switch (outcome.task) {
      case 'deliver':
        return settleDelivery(record, outcome, facts);
      case 'failure':
        return settleFailureReport(record, outcome, facts);
      case 'delay':
        return settleDelayReport(record, outcome);
      case 'success':
        return settleSuccessReport(record, outcome, facts);
    }
  }

  async #applyLate(job: QueuedJob, record: DeferRecord, outcome: DeliveryOutcome): Promise<void> {
    const { queue, effects, context, metrics } = this.#term;
    metrics.lateDuplicates.inc();
    const current = withDone(record, this.#term.done);
    const settlement = this.#decideLate(current, outcome);
    if (settlement === undefined) {
      queue.place(job, context.clock.nowMs());
      return;
    }
    await exclusively(job, () => effects.apply(job, settlement, record.job.incomingSequence));
  }

  /** Undefined when the outcome tells nothing new. */
  #decideLate(record: DeferRecord, outcome: DeliveryOutcome): Settlement | undefined {
    const { context, holds } = this.#term;
    if (outcome.task === 'success' && owesSuccessReport(record))
      return settleSuccessReport(record, outcome, gatherSettleFacts(context, record, holds));
    if (outcome.task !== 'deliver') return undefined;
    const settlement = settleLate(record, outcome, context.clock.nowMs());
    return settlement.entries.length === 0 ? undefined : settlement;
  }

  /** An outcome for a job that this owner does not know, or that another agent has by now (rule 7). */
  async #settleStranger(outcome: DeliveryOutcome): Promise<boolean> {
    const { queue, done, metrics, strangers } = this.#term;
    // Reports that finish no recipient: nothing is left to write.
    if (outcome.task === 'delay' || outcome.task === 'success') return true;
    metrics.lateDuplicates.inc();
    const wasUnknown = queue.get(outcome.jobId) === undefined;
    const news = factsOf(outcome).filter((entry) => !done.has(entry));
    // ACTIVE may bring the job while the journal is written, which says nothing of reports that are owed.
    if (wasUnknown && news.length > 0 && owesReport(outcome)) strangers.keep(outcome, this.#mayCome());
    if (!(await this.#writeDown(news))) return false;
    const isUnknown = queue.get(outcome.jobId) === undefined;
    if (!isUnknown) {
      // When ACTIVE brought the job meanwhile, the repeat of the outcome is its answer, failures included.
      return !wasUnknown;
    }
    const isNew = news.length > 0 || strangers.has(outcome.jobId);
    return this.#mayForget(outcome, isNew);
  }

  /** Whether an agent need not repeat what it said of a job that ACTIVE may still bring. */
  #mayForget(outcome: DeliveryOutcome, isNew: boolean): boolean {
    // The job says to whom the reports go that are owed.
    if (isNew && owesReport(outcome)) return !this.#term.strangers.keep(outcome, this.#mayCome());
    const isWholeFact =
      outcome.recipients.every((each) => isFact(outcome, each)) && outcome.content === 'read';
    return isWholeFact || !this.#mayCome();
  }

  /** Whether ACTIVE may still bring a job that this owner does not know. */
  #mayCome(): boolean {
    return this.#term.ageMs <= strangerGraceMs(this.#term.timing);
  }

  async #writeDown(entries: readonly JournalEntry[]): Promise<boolean> {
    try {
      await this.#term.effects.journal(entries, this.#term.incomingLast);
      return true;
    } catch (error) {
      this.#term.end(`outcome could not be journalled: ${String(error)}`);
      return false;
    }
  }

  /** No body: settled already (drop), or for a human (CORRUPT). False when journal or CORRUPT do not answer (rule 15). */
  async #setAside(job: QueuedJob, record: DeferRecord, outcome: DeliveryOutcome): Promise<boolean> {
    const { context, effects, metrics } = this.#term;
    try {
      const isKnown = isFinished(withDone(record, this.#term.done));
      if (outcome.content === 'gone' && (isKnown || (await isSettledByJournal(context, record)))) {
        metrics.lateDuplicates.inc();
      } else {
        // A mailbox before the damage was noticed: whoever was served is not served again when a human puts the message back.
        await effects.journal(
          outcome.task === 'deliver' ? factsOf(outcome) : [],
          record.job.incomingSequence,
        );
        await this.#moveToCorrupt(record, outcome);
      }
    } catch {
      // The job is deferred like any other and asks again.
      return false;
    }
    effects.finish(job);
    return true;
  }

  async #moveToCorrupt(record: DeferRecord, outcome: DeliveryOutcome): Promise<void> {
    const { context, shard } = this.#term;
    const { queueId, jobId, destination, content } = record.job;
    const isGone = outcome.content === 'gone';
    await moveToCorrupt(this.#term, {
      reason: isGone ? 'content-gone' : 'content-damaged',
      text: isGone ? 'content is missing in the spool' : 'content is damaged in the spool',
      queueId,
      busSubject: context.bus.names.deferSubject(shard, destination, jobId),
      payload: encodeRecord(record),
    });
    bodyMissing(context.log, { queueId, jobId, content: outcome.content, key: content.key });
  }

  /** Widens or narrows the window of the destination (D2). Words about recipients count as contact, as in Postfix. */
  #giveFeedback(job: QueuedJob, outcome: DeliveryOutcome): void {
    const { queue, context, shard } = this.#term;
    const { destination } = job;
    const status = outcome.recipients[0]?.status;
    if (!outcome.isDestinationFault || status === undefined) {
      if (!outcome.isOwnFault) queue.destinations.noteContact(destination);
      queue.refresh(destination);
      return;
    }
    const wasDead = destination.window.isDead;
    const { backoffMinimumMs } = context.configuration.current().platform.queue;
    const isDead = queue.destinations.noteFailure(
      destination,
      status,
      context.clock.nowMs() + backoffMinimumMs,
    );
    queue.refresh(destination);
    if (isDead && !wasDead)
      destinationDead(context.log, {
        shard,
        destination: destinationName(destination.token),
        reason: status.text,
        jobs: destination.jobs,
      });
  }

  #log(job: QueuedJob, record: DeferRecord, settlement: Settlement): void {
    const { context } = this.#term;
    const { queueId, jobId } = job;
    if (settlement.expired.length > 0)
      expired(context.log, {
        queueId,
        reversePath: record.job.reversePath,
        recipients: settlement.expired.map((recipient) => recipient.final),
      });
    if (settlement.isHeldForOwnFault)
      heldForOwnFault(context.log, { queueId, jobId, destination: record.job.destination });
  }
}

/** Whether it is over with a recipient, whatever the job is: failures of deliveries have still to be reported. */
function isFact({ task }: DeliveryOutcome, { disposition }: RecipientOutcome): boolean {
  return task === 'deliver' ? disposition === 'delivered' : disposition !== 'deferred';
}

/** Whether reports of success are owed to senders, whom only the job names. */
function owesReport(outcome: DeliveryOutcome): boolean {
  return outcome.recipients.some((each) => each.successReport !== undefined && isFact(outcome, each));
}

/** What the journal has to know of an outcome, whatever the job is. */
function factsOf(outcome: DeliveryOutcome): JournalEntry[] {
  const kind = outcome.task === 'deliver' ? 'delivered' : 'bounced';
  return outcome.recipients
    .filter((each) => isFact(outcome, each))
    .map(({ orig, final, run, n }) => ({ queueId: outcome.queueId, orig, final, kind, run, n }));
}

/** Whether the outcome is of the attempt that the job is in, or was in until its agent fell silent. */
function isAnswerTo(job: QueuedJob, outcome: DeliveryOutcome): boolean {
  return job.task === outcome.task && job.stage !== 'waiting' && job.stage !== 'suspended';
}

/**
 * Time after a takeover in which a failure of an unknown job is not acknowledged: ACTIVE may still bring the job, and a busy NATS brings it
 * late. Who hears of it too early forgets it, and the job is attempted once more.
 */
function strangerGraceMs(timing: Timing): number {
  return timing.ackWaitMs * 1.5 + redeliverySlackMs;
}
