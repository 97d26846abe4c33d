/**
 * A job found in DEFER at takeover. There may be a million of them, and nearly all just wait: what only a job in hand needs is made when
 * it is first set, numbers lie side by side in one table, and small ones share one. About 110 octets instead of 220; beside them a job costs its two ids
 * and its places in the queue's maps.
 */
import type { BusMessage } from '@railpost/bus';
import type { DeferRecord, DeferState, Task } from '@railpost/contracts';
import type { Batch, Destination } from './destinations.ts';
import type { QueuedJob, Stage } from './queued-job.ts';

/** What the scan says of a job. */
export interface ScannedFacts {
  readonly jobId: string;
  readonly queueId: string;
  readonly destination: Destination;
  readonly state: DeferState;
  readonly task: Task;
  readonly receivedAtMs: number;
  readonly nextMs: number;
  readonly tries: number;
  readonly deferSequence: number;
}

/** Numbers of a row: nextMs, receivedAtMs, deferSequence. A number in a field of its own would be an object beside the job. */
const columns = 3;
const firstRows = 1024;

/** The table of one shard. Rows are never given back: they end with the term. */
export class ScannedJobs {
  /** When the scan was made: the jobs entered the schedule then. Milliseconds since the epoch. */
  readonly scannedAtMs: number;
  #values = new Float64Array(firstRows * columns);
  #rows = 0;

  constructor(scannedAtMs: number) {
    this.scannedAtMs = scannedAtMs;
  }

  /** Makes the entry of a job. */
  add(facts: ScannedFacts): QueuedJob {
    const row = this.#rows * columns;
    this.#rows += 1;
    if (row + columns > this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[row] = facts.nextMs;
    this.#values[row + 1] = facts.receivedAtMs;
    this.#values[row + 2] = facts.deferSequence;
    return new ScannedJob(this, row, facts);
  }

  /** A number of the table. */
  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  /** Changes it. */
  set(at: number, value: number): void {
    this.#values[at] = value;
  }
}

/** What a job has only while something is done with it. */
interface InHand {
  active: BusMessage | undefined;
  record: DeferRecord | undefined;
  wasSuspended: boolean;
  activeAtMs: number;
  batch: Batch | undefined;
  work: Promise<void> | undefined;
}

const states: readonly DeferState[] = ['active', 'deferred', 'held', 'bouncing', 'reporting'];
const stages: readonly Stage[] = [
  ...(['waiting', 'due', 'adopting', 'suspended'] as const),
  ...(['ready', 'dispatched', 'settling'] as const),
];
const tasks: readonly Task[] = ['deliver', 'failure', 'delay', 'success'];
/** Bits: state 0-2, stage 3-5, task 6-7, mayBeElsewhere 8, tries above. */
const stateBits = 0b111;
const stageShift = 3;
const stageBits = 0b111 << stageShift;
const taskShift = 6;
const taskBits = 0b11 << taskShift;
const elsewhereBit = 1 << 8;
const triesShift = 9;

class ScannedJob implements QueuedJob {
  readonly jobId: string;
  readonly queueId: string;
  readonly destination: Destination;
  #bits: number;
  readonly #table: ScannedJobs;
  readonly #row: number;
  #inHand: InHand | undefined;

  constructor(table: ScannedJobs, row: number, facts: ScannedFacts) {
    this.jobId = facts.jobId;
    this.queueId = facts.queueId;
    this.destination = facts.destination;
    this.#bits =
      states.indexOf(facts.state) |
      (tasks.indexOf(facts.task) << taskShift) |
      elsewhereBit |
      (facts.tries << triesShift);
    this.#table = table;
    this.#row = row;
    this.#inHand = undefined;
  }

  get state(): DeferState {
    return states[this.#bits & stateBits] ?? 'deferred';
  }

  set state(value: DeferState) {
    this.#bits = (this.#bits & ~stateBits) | states.indexOf(value);
  }

  get stage(): Stage {
    return stages[(this.#bits & stageBits) >> stageShift] ?? 'waiting';
  }

  set stage(value: Stage) {
    this.#bits = (this.#bits & ~stageBits) | (stages.indexOf(value) << stageShift);
  }

  get task(): Task {
    return tasks[(this.#bits & taskBits) >> taskShift] ?? 'deliver';
  }

  set task(value: Task) {
    this.#bits = (this.#bits & ~taskBits) | (tasks.indexOf(value) << taskShift);
  }

  get mayBeElsewhere(): boolean {
    return (this.#bits & elsewhereBit) !== 0;
  }

  set mayBeElsewhere(value: boolean) {
    this.#bits = (this.#bits & ~elsewhereBit) | (value ? elsewhereBit : 0);
  }

  get tries(): number {
    return this.#bits >> triesShift;
  }

  set tries(value: number) {
    this.#bits = (this.#bits & ((1 << triesShift) - 1)) | (value << triesShift);
  }

  get nextMs(): number {
    return this.#table.get(this.#row);
  }

  set nextMs(value: number) {
    this.#table.set(this.#row, value);
  }

  get receivedAtMs(): number {
    return this.#table.get(this.#row + 1);
  }

  get deferSequence(): number {
    return this.#table.get(this.#row + 2);
  }

  set deferSequence(value: number) {
    this.#table.set(this.#row + 2, value);
  }

  get active(): BusMessage | undefined {
    return this.#inHand?.active;
  }

  set active(value: BusMessage | undefined) {
    if (value !== undefined || this.#inHand !== undefined) this.#hand().active = value;
  }

  get record(): DeferRecord | undefined {
    return this.#inHand?.record;
  }

  set record(value: DeferRecord | undefined) {
    if (value !== undefined || this.#inHand !== undefined) this.#hand().record = value;
  }

  get wasSuspended(): boolean {
    return this.#inHand?.wasSuspended ?? false;
  }

  set wasSuspended(value: boolean) {
    if (value || this.#inHand !== undefined) this.#hand().wasSuspended = value;
  }

  get activeAtMs(): number {
    return this.#inHand?.activeAtMs ?? this.#table.scannedAtMs;
  }

  set activeAtMs(value: number) {
    this.#hand().activeAtMs = value;
  }

  get batch(): Batch | undefined {
    return this.#inHand?.batch;
  }

  set batch(value: Batch | undefined) {
    if (value !== undefined || this.#inHand !== undefined) this.#hand().batch = value;
  }

  get work(): Promise<void> | undefined {
    return this.#inHand?.work;
  }

  set work(value: Promise<void> | undefined) {
    if (value !== undefined || this.#inHand !== undefined) this.#hand().work = value;
  }

  #hand(): InHand {
    this.#inHand ??= {
      ...{ active: undefined, record: undefined, batch: undefined, work: undefined },
      ...{ wasSuspended: false, activeAtMs: this.#table.scannedAtMs },
    };
    return this.#inHand;
  }
}
