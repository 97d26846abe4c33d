/**
 * Answers control requests of one shard (contracts/control.ts): list, show, flush, hold, release, delete, statistics. Orders of
 * effects are those of durability rule 12: hold = journal, DEFER, OK; release = DEFER, journal, OK; delete = journal, then delete.
 * A job in an agent's hand is counted as in flight and not touched; a hold on it takes force when its attempt has ended.
 */
import {
  type ControlReply,
  ControlRequest,
  type DeferRecord,
  type JournalEntry,
  allOriginals,
  parseRecord,
  wholeOriginalRun,
} from '@railpost/contracts';
import { queueIdPattern } from '@railpost/mail';
import { exclusively } from '../effects.ts';
import { controlCarriedOut } from '../events.ts';
import { isOnHold } from '../gather.ts';
import type { Loader } from '../loader.ts';
import { openEntries } from '../outcome/settle.ts';
import type { QueuedJob } from '../queue/queued-job.ts';
import type { Term } from '../term.ts';
import { listRows } from './rows.ts';

type Answer = Omit<ControlReply, 'version' | 'shard' | 'epoch' | 'owner'>;
type RequestOf<Operation extends ControlRequest['operation']> = Extract<
  ControlRequest,
  { operation: Operation }
>;

const showLimit = 100;

/** The control of one term. */
export class Control {
  readonly #term: Term;
  readonly #loader: Loader;

  constructor(term: Term, loader: Loader) {
    this.#term = term;
    this.#loader = loader;
  }

  /** Carries a request out. Undefined when this process may not answer any more. */
  async answer(payload: Uint8Array): Promise<ControlReply | undefined> {
    if (!this.#term.mayAct()) return undefined;
    const request = ControlRequest.safeParse(parseRecord(payload));
    const answer: Answer = request.success
      ? await this.#carryOut(request.data)
      : { error: 'the request is not understood; is the command newer than the platform?' };
    if (!this.#term.mayAct()) return undefined;
    const { shard, epoch, context } = this.#term;
    return { version: 1, shard, epoch, owner: context.processName, ...answer };
  }

  async #carryOut(request: ControlRequest): Promise<Answer> {
    switch (request.operation) {
      case 'list':
        return listRows(this.#term, this.#loader, request);
      case 'show':
        return this.#show(request);
      case 'flush':
        return this.#flush(request);
      case 'hold':
        return this.#hold(request);
      case 'release':
        return this.#release(request);
      case 'delete':
        return this.#delete(request);
      case 'statistics':
        return { statistics: this.#statistics() };
      case 'unknown':
        return this.#unknown(request.queueIds);
    }
  }

  async #show(request: RequestOf<'show'>): Promise<Answer> {
    const found = this.#term.queue.ofMessage(request.queueId).slice(0, showLimit);
    const jobs = await Promise.all(
      found.map(async (job) => {
        const record = job.record ?? (await this.#loader.peek(job));
        if (record === undefined) return [];
        return [{ job: record.job, ...(job.deferSequence > 0 ? { defer: record } : {}) }];
      }),
    );
    return { jobs: jobs.flat() };
  }

  #flush(request: RequestOf<'flush'>): Answer {
    const { queue, context } = this.#term;
    const nowMs = context.clock.nowMs();
    const jobs = request.queueId === undefined ? [...queue.all()] : queue.ofMessage(request.queueId);
    let changed = 0;
    let inFlight = 0;
    for (const job of jobs) {
      if (request.destination !== undefined && !isDestination(job, request.destination)) continue;
      queue.destinations.revive(job.destination, nowMs, true);
      queue.refresh(job.destination);
      if (isInHand(job)) inFlight += 1;
      if (job.stage !== 'waiting' || job.state === 'held') continue;
      job.nextMs = nowMs;
      queue.place(job, nowMs);
      changed += 1;
    }
    this.#term.kick();
    return this.#done('flush', request.queueId ?? request.destination ?? '', { changed, inFlight });
  }

  async #hold(request: RequestOf<'hold'>): Promise<Answer> {
    const { queue, context, effects } = this.#term;
    if (!queueIdPattern.test(request.queueId)) return notAQueueId();
    const jobs = queue.ofMessage(request.queueId);
    // Nothing of the message is here yet: what arrives later is held (rule 12).
    if (jobs.length === 0) await effects.journal([markOf(request, 'held')], this.#term.incomingLast);
    let changed = 0;
    let inFlight = 0;
    for (const job of jobs) {
      const isBusy = isInHand(job) || job.state === 'bouncing' || job.state === 'reporting';
      await this.#withRecord(job, async (record) => {
        const entries = openEntries(record, 'held').filter((each) => isMeant(request, each));
        if (entries.length === 0) return;
        await effects.journal(entries, record.job.incomingSequence);
        if (isBusy) {
          inFlight += 1;
          return;
        }
        context.crashPoint('queue.hold-between');
        await effects.defer(job, { ...record, state: 'held' });
        changed += 1;
      });
    }
    return this.#done('hold', request.queueId, { changed, inFlight });
  }

  async #release(request: RequestOf<'release'>): Promise<Answer> {
    const { queue, context, effects, holds } = this.#term;
    if (!queueIdPattern.test(request.queueId)) return notAQueueId();
    const jobs = queue.ofMessage(request.queueId);
    let changed = 0;
    for (const job of jobs) {
      await this.#withRecord(job, async (record) => {
        const entries = openEntries(record, 'released').filter((each) => isMeant(request, each));
        if (entries.length === 0) return;
        const isStillHeld = this.#isHeldWithout(record, new Set(entries.map((each) => each.orig)));
        if (record.state === 'held' && !isStillHeld) {
          const nowMs = context.clock.nowMs();
          await effects.defer(job, { ...record, state: 'deferred', nextMs: nowMs });
          changed += 1;
        }
        context.crashPoint('queue.release-between');
        await effects.journal(entries, record.job.incomingSequence);
      });
    }
    if (holds.holds(request.queueId))
      await effects.journal([markOf(request, 'released')], this.#term.incomingLast);
    this.#term.kick();
    return this.#done('release', request.queueId, { changed, inFlight: 0 });
  }

  async #delete(request: RequestOf<'delete'>): Promise<Answer> {
    const { queue, effects, incomingLast } = this.#term;
    if (!queueIdPattern.test(request.queueId)) return notAQueueId();
    const whole: JournalEntry[] = (request.origs ?? []).map(({ orig, final }) => ({
      queueId: request.queueId,
      orig,
      final,
      kind: 'deleted',
      run: wholeOriginalRun,
      n: 1,
    }));
    await effects.journal(whole, incomingLast);
    let changed = 0;
    let inFlight = 0;
    for (const job of queue.ofMessage(request.queueId)) {
      if (isInHand(job)) {
        inFlight += 1;
        continue;
      }
      await this.#withRecord(job, async (record) => {
        await effects.journal(openEntries(record, 'deleted'), record.job.incomingSequence);
        effects.finish(job);
        changed += 1;
      });
    }
    return this.#done('delete', request.queueId, { changed, inFlight });
  }

  /**
   * Runs an effect with the job's record and puts the job back afterwards, unless it is in an agent's hand or gone. While it
   * runs the job is `settling`, so that nobody dispatches it.
   */
  async #withRecord(job: QueuedJob, effect: (record: DeferRecord) => Promise<void>): Promise<void> {
    const { queue, context } = this.#term;
    const isBusy = isInHand(job);
    if (!isBusy) queue.markSettling(job);
    try {
      await exclusively(job, async () => {
        const record = job.record ?? (await this.#loader.peek(job));
        if (record !== undefined && queue.get(job.jobId) === job) await effect(record);
      });
    } catch (error) {
      this.#term.end(`control: effect failed: ${String(error)}`);
      throw error;
    }
    if (!isBusy && queue.get(job.jobId) === job) queue.place(job, context.clock.nowMs());
  }

  /** Whether other originals of the job are still on hold once those in `released` are not. */
  #isHeldWithout(record: DeferRecord, released: ReadonlySet<number>): boolean {
    const done = record.job.recipients.flatMap((recipient, index) =>
      record.done.includes(index) || released.has(recipient.orig) ? [index] : [],
    );
    return isOnHold({ ...record, done }, this.#term.holds);
  }

  #statistics(): NonNullable<ControlReply['statistics']> {
    const { queue } = this.#term;
    const counts = queue.counts();
    return {
      active: counts.active,
      deferred: counts.deferred + counts.bouncing + counts.reporting,
      held: counts.held,
      inFlight: counts.inFlight,
      destinations: queue.destinations.size,
    };
  }

  #unknown(queueIds: readonly string[]): Answer {
    const { queue, lost, done } = this.#term;
    const unknown = queueIds.filter((queueId) => queue.ofMessage(queueId).length === 0);
    return {
      unknown,
      lost: queueIds.filter((queueId) => lost.has(queueId)),
      journalled: unknown.flatMap((queueId): [string, number][] => {
        const originals = done.wholeOriginals(queueId);
        return originals === undefined ? [] : [[queueId, originals]];
      }),
    };
  }

  #done(operation: string, queueId: string, numbers: { changed: number; inFlight: number }): Answer {
    const { context } = this.#term;
    if (numbers.changed + numbers.inFlight > 0)
      controlCarriedOut(context.log, { operation, queueId, ...numbers });
    return numbers;
  }
}

/** In an agent's hand, perhaps (adopting), or being written. */
function isInHand(job: QueuedJob): boolean {
  return job.stage === 'dispatched' || job.stage === 'settling' || job.stage === 'adopting';
}

function markOf(request: RequestOf<'hold' | 'release'>, kind: 'held' | 'released'): JournalEntry {
  const orig = request.orig ?? allOriginals;
  return { queueId: request.queueId, orig, final: '', kind, run: wholeOriginalRun, n: 1 };
}

function isMeant(request: RequestOf<'hold' | 'release'>, entry: JournalEntry): boolean {
  return request.orig === undefined || request.orig === entry.orig;
}

function isDestination(job: QueuedJob, wanted: string): boolean {
  const { name } = job.destination;
  return name === wanted.toLowerCase() || name.endsWith(`:${wanted.toLowerCase()}`);
}

function notAQueueId(): Answer {
  return { error: 'that is not a queue id' };
}
