/**
 * Whether mail can be taken now: gathers what the watches know, answers at once without I/O, and tells operators when an outage begins and
 * when it is over: an event, a problem in /health and `railpost status`, a metric.
 */
import type { Bus, FullnessWatch } from '@railpost/bus';
import type { EventLog } from '@railpost/runtime';
import { outageBegan, outageOver } from '../events.ts';
import type { StatusName } from '../statuses.ts';
import type { DiskWatch } from './disk-watch.ts';
import { type Outage, type OutagePart, describeOutage, findOutage } from './outages.ts';
import type { SpoolWatch } from './spool-watch.ts';

/** What the answer is made of. */
export interface IntakeParts {
  readonly bus: Pick<Bus, 'health'>;
  readonly fullness: FullnessWatch;
  readonly spool: SpoolWatch;
  readonly disks: DiskWatch;
  /** Messages and jobs that may be queued; 0: no limit. */
  readonly queueLimit: number;
  readonly log: EventLog;
  setProblem(key: string, text: string | undefined): void;
}

const reportMs = 500;

/** The door for mail. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #timer: NodeJS.Timeout;
  #latePublishes = 0;
  #reported: Outage | undefined;
  #since = performance.now();

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#report(), reportMs);
  }

  /** What clients hear instead of 354, or undefined. Synchronous: asked for each message, twice. */
  refusal(): StatusName | undefined {
    return this.#outage()?.status;
  }

  /** The part that is out of order as last reported. */
  get outagePart(): OutagePart | undefined {
    return this.#reported?.part;
  }

  /** Records of the corrupt queue at the last look at the streams. */
  get corruptRecords(): number {
    return this.#parts.fullness.corruptRecords;
  }

  /** Counts publishes that were not acknowledged in time, and acknowledgements that came late. */
  countLate(change: 1 | -1): void {
    this.#latePublishes += change;
  }

  /** Stops all watches. */
  stop(): void {
    clearInterval(this.#timer);
    this.#parts.fullness.stop();
    this.#parts.spool.stop();
    this.#parts.disks.stop();
  }

  #outage(): Outage | undefined {
    const { bus, fullness, spool, disks, queueLimit } = this.#parts;
    return findOutage({
      busProblems: bus.health().problems,
      jetstreamAgeMs: fullness.answerAgeMs(),
      hasStreams: fullness.hasStreams,
      latePublishes: this.#latePublishes,
      fullStreams: fullness.fullStreams,
      queuedMessages: fullness.queuedMessages,
      queueLimit,
      spoolProblem: spool.problem() ?? disks.folderProblem(),
      diskProblem: disks.roomProblem(),
    });
  }

  #report(): void {
    const { log } = this.#parts;
    const outage = this.#outage();
    this.#parts.setProblem('intake', outage === undefined ? undefined : describeOutage(outage));
    if (outage?.part === this.#reported?.part) return;
    const now = performance.now();
    if (this.#reported !== undefined)
      outageOver(log, { part: this.#reported.part, outageMs: Math.round(now - this.#since) });
    if (outage !== undefined) outageBegan(log, { part: outage.part, reason: outage.reason });
    this.#reported = outage;
    this.#since = now;
  }
}
