/**
 * Control of a running queue: requests on `rp.shard.<s>.ctl`, answered by the shard's owner from memory and DEFER.
 * Used by the CLI; asks every shard and merges. Answers stay under 512 KiB: `list` pages by `after`.
 */
import { z } from 'zod';
import { DeliveryJob } from './delivery-job.ts';
import { DeferRecord } from './defer-record.ts';

/** Life stage of a job as `queue list` shows it. */
export const QueueName = z.enum(['active', 'deferred', 'hold']);
export type QueueName = z.infer<typeof QueueName>;

/** Most queue ids in one question `unknown`. */
export const knownQuestionLimit = 5000;

export const ControlRequest = z.discriminatedUnion('operation', [
  z.object({
    operation: z.literal('list'),
    queue: QueueName.optional(),
    queueId: z.string().optional(),
    after: z.string().optional(),
    limit: z.number(),
  }),
  z.object({ operation: z.literal('show'), queueId: z.string() }),
  z.object({
    operation: z.literal('flush'),
    queueId: z.string().optional(),
    destination: z.string().optional(),
  }),
  z.object({ operation: z.literal('hold'), queueId: z.string(), orig: z.number().optional() }),
  z.object({ operation: z.literal('release'), queueId: z.string(), orig: z.number().optional() }),
  z.object({
    operation: z.literal('delete'),
    queueId: z.string(),
    origs: z.array(z.object({ orig: z.number(), final: z.string() })).optional(),
  }),
  z.object({ operation: z.literal('statistics') }),
  /** Which of these messages the owner has no job of, or has lost a job of; at most {@link knownQuestionLimit}. */
  z.object({ operation: z.literal('unknown'), queueIds: z.array(z.string()) }),
]);
export type ControlRequest = z.infer<typeof ControlRequest>;

/** One row of `queue list`: one job. */
export const QueueRow = z.object({
  queueId: z.string(),
  jobId: z.string(),
  queue: QueueName,
  destination: z.string(),
  reversePath: z.string(),
  recipients: z.array(z.string()),
  sizeBytes: z.number(),
  receivedAt: z.string(),
  tries: z.number(),
  /** RFC 3339; absent while active or held. */
  nextAttemptAt: z.string().optional(),
  /** Text of the last status, if any. */
  reason: z.string().optional(),
  isInFlight: z.boolean(),
});
export type QueueRow = z.infer<typeof QueueRow>;

export const ShardStatistics = z.object({
  active: z.number(),
  deferred: z.number(),
  held: z.number(),
  inFlight: z.number(),
  destinations: z.number(),
});
export type ShardStatistics = z.infer<typeof ShardStatistics>;

export const ControlReply = z.object({
  version: z.literal(1),
  shard: z.number(),
  epoch: z.number(),
  owner: z.string(),
  /** Set when the request could not be carried out; says what to do. */
  error: z.string().optional(),
  rows: z.array(QueueRow).optional(),
  next: z.string().optional(),
  /** hold, release, flush, delete: number of jobs touched; jobs that are in an agent's hand are not (rule 12). */
  changed: z.number().optional(),
  inFlight: z.number().optional(),
  jobs: z.array(z.object({ job: DeliveryJob, defer: DeferRecord.optional() })).optional(),
  statistics: ShardStatistics.optional(),
  /** Of the messages asked about: those that the owner has no job of. */
  unknown: z.array(z.string()).optional(),
  /** Of those asked about: messages of which a job's record in DEFER disappeared behind the owner's back, whatever else it has of them. */
  lost: z.array(z.string()).optional(),
  /**
   * Of `unknown`: messages that the owner has journalled something of and remembers, with the originals that one entry alone finished
   * (bit 2^orig, the first 31). A word on what need not be looked for, never on what may be removed (durability rule 15).
   */
  journalled: z.array(z.tuple([z.string(), z.number()])).optional(),
});
export type ControlReply = z.infer<typeof ControlReply>;
