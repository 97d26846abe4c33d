/**
 * Dispatch: an owner asks any free agent of a transport to take jobs. Core request on `rp.agent.<transport>` (queue group
 * of the same name); the agent answers at once which jobs it took. Nothing here is durable: the record stays in ACTIVE or DEFER
 * until the outcome is settled (rules 7-9).
 */
import { z } from 'zod';
import { DeliveryJob } from './delivery-job.ts';
import { RecipientOutcome, Task } from './delivery-outcome.ts';

/** One job of a dispatch. */
export const DispatchedJob = z.object({
  job: DeliveryJob,
  task: Task,
  /** Attempts before this one. */
  tries: z.number(),
  /** Indexes into job.recipients that are to be attempted (deliver) or reported (failure, delay, success). */
  pending: z.array(z.number()),
  /** When the owner took the job into its schedule, for delays=: milliseconds since the epoch. */
  activeAtMs: z.number(),
  /** Index into the frame's `widths`: jobs of one destination that follow each other. Absent: may run at once. */
  batch: z.number().optional(),
  /** Tasks failure, delay and success: what happened, and when the decision was recorded in DEFER (makes the DSN's queue id). */
  report: z
    .object({
      decidedAtMs: z.number(),
      outcomes: z.array(RecipientOutcome),
      willRetryUntil: z.string().optional(),
    })
    .optional(),
});
export type DispatchedJob = z.infer<typeof DispatchedJob>;

export const DispatchFrame = z.object({
  version: z.literal(1),
  shard: z.number(),
  epoch: z.number(),
  owner: z.string(),
  jobs: z.array(DispatchedJob),
  /** How many jobs of each batch may run at once; the others wait in the agent's hand and follow as these end. */
  widths: z.array(z.number()).optional(),
});
export type DispatchFrame = z.infer<typeof DispatchFrame>;

/** The agent's answer: ids it took; the others it is too busy for. */
export const DispatchReply = z.object({
  version: z.literal(1),
  worker: z.string(),
  /** When that process started, as in its presence: a later start there says that the one that accepted is dead. */
  startedAt: z.string().optional(),
  accepted: z.array(z.string()),
  freeSlots: z.number(),
  /** How many jobs of each batch run at once, when that is less than the frame allowed. */
  widths: z.array(z.number()).optional(),
  /** Highest epoch the agent has heard for the shard, when it refused the frame for being older. */
  refusedForEpoch: z.number().optional(),
});
export type DispatchReply = z.infer<typeof DispatchReply>;

/** Phase of a job in an agent's hand: in `committing` the final dot may be on its way (rule 9). */
export const Phase = z.enum(['accepted', 'transfer', 'committing', 'reporting']);
export type Phase = z.infer<typeof Phase>;

/**
 * Every 5 s on `rp.shard.<s>.heartbeat`, for each shard that the agent has heard of, by transport of the jobs that it holds (rule 8). Without
 * jobs it says that the agent lives and has none.
 */
export const Heartbeat = z.object({
  version: z.literal(1),
  worker: z.string(),
  /** As in the reply to a dispatch. */
  startedAt: z.string().optional(),
  /**
   * Answers the roll call of this name: with the heartbeats right before it the agent has named all that it has of the shard. Empty:
   * answers none. Absent: an agent of an earlier release, which answers none ever and says nothing while it has no jobs.
   */
  roll: z.string().optional(),
  /** The last word of a process that stops in order and has nothing any more. */
  isLeaving: z.boolean().optional(),
  transport: z.string(),
  freeSlots: z.number(),
  jobs: z.array(
    z.object({ jobId: z.string(), queueId: z.string(), destination: z.string(), task: Task, phase: Phase }),
  ),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** A new owner's announcement on `rp.shard.<s>.epoch`; agents answer with heartbeats at once. */
export const EpochAnnouncement = z.object({
  version: z.literal(1),
  shard: z.number(),
  epoch: z.number(),
  owner: z.string(),
  /** Names a roll call: every agent says what it has of the shard, also when it has nothing. */
  roll: z.string().optional(),
});
export type EpochAnnouncement = z.infer<typeof EpochAnnouncement>;
