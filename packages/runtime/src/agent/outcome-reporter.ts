/**
 * Reports outcomes until they are durable (durability rule 7). An outcome goes out with what else ended in the same turn, because the
 * owner offers the destination's next job when it hears of it; while others of its batch follow anyway, it waits for some more
 * milliseconds, so that a fast destination costs few frames. Outcomes are repeated every 2 s until an owner with an epoch not below the
 * highest heard names them as settled. Nothing is ever given up: only an acknowledgement, or the end of the process, ends the repeating.
 *
 * What waits here is delivered twice when this process dies. So it says when nobody writes outcomes down, and an owner that begins to
 * listen hears at once what is owed.
 */
import { type Bus, ask } from '@railpost/bus';
import {
  type DeliveryOutcome,
  OutcomeAcknowledgement,
  type OutcomeFrame,
  encodeRecord,
  parseRecord,
} from '@railpost/contracts';
import type { Epochs } from './epochs.ts';

/** How long an outcome waits for others at most. What an agent has not told when it dies is delivered twice, so not long. */
const gatherMs = 3;
/** A timer is late on a busy machine; an outcome that has waited for so long goes out with the next one, whatever the timer does. */
const gatherAtMostMs = 8;
/** Outcomes that wait for no others. */
const gatherAtMost = 32;
/** Time from sending a frame to sending its outcomes again. */
const repeatMs = 2000;
/** Far more than come to wait for one flush of the journal: beyond it outcomes gather. */
const framesInFlight = 256;
/** A frame stays far below the 1 MB that NATS carries: texts of peers are bounded by a few KB per recipient. */
const recipientsPerFrame = 200;

/** Much longer than a flush of the journal takes: who has not answered by then is no owner any more, or cannot write. */
const stalledMs = 1000;

/** What the reporter works with. */
export interface ReporterOptions {
  readonly bus: Bus;
  readonly worker: string;
  readonly epochs: Epochs;
  /** Called once per outcome when it is durable. */
  onSettled(outcome: DeliveryOutcome, shard: number): void;
}

interface ShardReports {
  /** To be sent, in order. */
  readonly waiting: DeliveryOutcome[];
  /** When the first of them came (monotonic). */
  oldestMs: number;
  /** Ids of jobs that go back. */
  returned: string[];
  inFlight: number;
  /** When each frame that waits for its answer was sent (monotonic), the oldest first. */
  readonly asked: Set<{ readonly sentAtMs: number }>;
  /** The last frame had no answer: nobody listens, or nobody answered in time. */
  isUnheard: boolean;
  /** What waits for the time to be sent again. */
  readonly repeats: Map<NodeJS.Timeout, readonly DeliveryOutcome[]>;
  isScheduled: boolean;
  gathering: NodeJS.Timeout | undefined;
}

/** Repeats outcomes until they are settled. */
export class OutcomeReporter {
  readonly #options: ReporterOptions;
  readonly #shards = new Map<number, ShardReports>();
  #unsettled = 0;
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Outcomes not yet settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Takes an outcome over. @param mayWait true when nobody waits for this outcome to send more jobs */
  report(shard: number, outcome: DeliveryOutcome, mayWait = false): void {
    this.#unsettled += 1;
    const reports = this.#reportsOf(shard);
    const nowMs = performance.now();
    if (reports.waiting.length === 0) reports.oldestMs = nowMs;
    reports.waiting.push(outcome);
    if (nowMs - reports.oldestMs >= gatherAtMostMs) return this.#pump(shard, reports);
    if (!mayWait || reports.waiting.length >= gatherAtMost) return this.#schedule(shard, reports);
    reports.gathering ??= setTimeout(() => this.#schedule(shard, reports), gatherMs);
  }

  /** Tells the owner that jobs are its own again. Said once: who misses it notices that heartbeats do not name them. */
  giveBack(shard: number, jobIds: readonly string[]): void {
    const reports = this.#reportsOf(shard);
    reports.returned.push(...jobIds);
    this.#schedule(shard, reports);
  }

  /** True while nobody writes outcomes of this shard down: no owner answers, or not for too long. */
  isStalled(shard: number): boolean {
    const reports = this.#shards.get(shard);
    if (reports === undefined) return false;
    const [oldest] = reports.asked;
    return reports.isUnheard || (oldest !== undefined && performance.now() - oldest.sentAtMs > stalledMs);
  }

  /** An owner of the shard has spoken, so it listens: what would be sent again later is sent now. */
  noteOwner(shard: number): void {
    const reports = this.#shards.get(shard);
    if (reports?.isUnheard !== true) return;
    reports.isUnheard = false;
    for (const [timer, outcomes] of reports.repeats) {
      clearTimeout(timer);
      this.#enqueue(shard, outcomes);
    }
    reports.repeats.clear();
  }

  /** Resolves when nothing is unsettled, or after {@link close}. */
  idle(): Promise<void> {
    if (this.#unsettled === 0 || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Stops repeating. What is not settled will be delivered again: the owner never heard of it. */
  close(): void {
    this.#isClosed = true;
    for (const { gathering, repeats } of this.#shards.values()) {
      clearTimeout(gathering);
      for (const timer of repeats.keys()) clearTimeout(timer);
    }
    this.#onIdle?.();
  }

  #reportsOf(shard: number): ShardReports {
    const known = this.#shards.get(shard);
    if (known !== undefined) return known;
    const reports: ShardReports = {
      waiting: [],
      oldestMs: 0,
      returned: [],
      inFlight: 0,
      asked: new Set(),
      isUnheard: false,
      repeats: new Map(),
      isScheduled: false,
      gathering: undefined,
    };
    this.#shards.set(shard, reports);
    return reports;
  }

  #enqueue(shard: number, outcomes: readonly DeliveryOutcome[]): void {
    const reports = this.#reportsOf(shard);
    if (reports.waiting.length === 0) reports.oldestMs = performance.now();
    reports.waiting.push(...outcomes);
    this.#schedule(shard, reports);
  }

  /** What is reported in this turn of the event loop shares a frame. */
  #schedule(shard: number, reports: ShardReports): void {
    clearTimeout(reports.gathering);
    reports.gathering = undefined;
    if (reports.isScheduled) return;
    reports.isScheduled = true;
    setImmediate(() => {
      reports.isScheduled = false;
      this.#pump(shard, reports);
    });
  }

  #pump(shard: number, reports: ShardReports): void {
    while (!this.#isClosed && reports.inFlight < framesInFlight) {
      const { returned } = reports;
      if (reports.waiting.length === 0 && returned.length === 0) return;
      reports.inFlight += 1;
      reports.returned = [];
      void this.#send(shard, takeFrame(reports.waiting), returned).finally(() => {
        reports.inFlight -= 1;
        this.#pump(shard, reports);
      });
    }
  }

  async #send(
    shard: number,
    outcomes: readonly DeliveryOutcome[],
    returned: readonly string[],
  ): Promise<void> {
    const { asked, repeats } = this.#reportsOf(shard);
    const question = { sentAtMs: performance.now() };
    asked.add(question);
    const settled = await this.#request(shard, outcomes, returned);
    asked.delete(question);
    const rest = outcomes.filter((outcome) => !settled.has(outcome.jobId));
    for (const outcome of outcomes) if (settled.has(outcome.jobId)) this.#settle(outcome, shard);
    if (rest.length === 0 || this.#isClosed) return;
    const timer = setTimeout(
      () => {
        repeats.delete(timer);
        this.#enqueue(shard, rest);
      },
      Math.max(0, repeatMs - (performance.now() - question.sentAtMs)),
    );
    repeats.set(timer, rest);
  }

  async #request(
    shard: number,
    outcomes: readonly DeliveryOutcome[],
    returned: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const { bus, worker, epochs } = this.#options;
    const frame: OutcomeFrame = {
      version: 1,
      shard,
      worker,
      outcomes: [...outcomes],
      ...(returned.length === 0 ? {} : { returned: [...returned] }),
    };
    const reply = await ask(bus, bus.names.outcomeSubject(shard), encodeRecord(frame), repeatMs);
    // No owner, no answer, or not an acknowledgement: all the same, the outcomes are repeated.
    this.#reportsOf(shard).isUnheard = typeof reply === 'string';
    if (typeof reply === 'string') return new Set();
    try {
      const acknowledgement = OutcomeAcknowledgement.parse(parseRecord(reply));
      if (!epochs.admit(shard, acknowledgement.epoch)) return new Set();
      return new Set(acknowledgement.settled);
    } catch {
      return new Set();
    }
  }

  #settle(outcome: DeliveryOutcome, shard: number): void {
    this.#unsettled -= 1;
    this.#options.onSettled(outcome, shard);
    if (this.#unsettled === 0) this.#onIdle?.();
  }
}

function takeFrame(waiting: DeliveryOutcome[]): DeliveryOutcome[] {
  let recipients = 0;
  let count = 0;
  while (count < waiting.length && (count === 0 || recipients < recipientsPerFrame)) {
    recipients += Math.max(1, waiting[count]?.recipients.length ?? 0);
    count += 1;
  }
  return waiting.splice(0, count);
}
