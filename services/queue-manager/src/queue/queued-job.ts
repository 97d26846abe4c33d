/**
 * A job as the owner of a shard knows it. Most of a million deferred jobs are only this entry; the record with envelope and
 * recipients is in memory (`record`) while the job is about to be dispatched, and else read from DEFER when it is due.
 */
import type { BusMessage } from '@railpost/bus';
import type { DeferRecord, DeferState, Task } from '@railpost/contracts';
import type { Batch, Destination } from './destinations.ts';

/**
 * What is happening to the job in this process:
 * waiting: for its time, or held; due: its time has come, the record is not loaded; adopting: an agent may have it, heartbeats will
 * tell; suspended: its MailDomain is; ready: may be dispatched; dispatched: in an agent's hand; settling: an outcome is being written.
 */
export type Stage = 'waiting' | 'due' | 'adopting' | 'suspended' | 'ready' | 'dispatched' | 'settling';

/** One job. Mutable: the owner is the only writer. */
export interface QueuedJob {
  readonly jobId: string;
  readonly queueId: string;
  /** Where the job itself goes (its own subject token); a bouncing job is dispatched through the lane of bounce. */
  readonly destination: Destination;
  readonly receivedAtMs: number;
  state: DeferState;
  stage: Stage;
  /**
   * What the next dispatch asks for: `failure` in state bouncing, `success` in state reporting or while such reports are owed,
   * `delay` while the sender is owed a warning, else `deliver`.
   */
  task: Task;
  nextMs: number;
  tries: number;
  /** Sequence of its record in DEFER; 0 when it is only in ACTIVE. */
  deferSequence: number;
  /** Its message of ACTIVE while that is not acknowledged. */
  active: BusMessage | undefined;
  /** The record, while loaded. Always loaded while `deferSequence` is 0. */
  record: DeferRecord | undefined;
  /** True after a takeover for jobs that an agent of the former owner may still have (durability rule 8). */
  mayBeElsewhere: boolean;
  /** True from the moment its MailDomain was found suspended until that time is added to the record. */
  wasSuspended: boolean;
  /** When the job entered the schedule of this owner, milliseconds since the epoch. */
  activeAtMs: number;
  /** In stage dispatched: what it was dispatched with. */
  batch: Batch | undefined;
  /** Tail of the chain of effects on this job; undefined when none runs. */
  work: Promise<void> | undefined;
}

/** True while a report goes out that the job itself does not wait for: its next attempt stays due at its time. */
export function isSideTask(job: QueuedJob): boolean {
  return (job.task === 'delay' || job.task === 'success') && job.state !== 'reporting';
}
