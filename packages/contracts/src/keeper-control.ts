/**
 * Control of the active keeper of the spool: requests on `rp.keeper.ctl`, answered by the process that holds the lease `keeper`.
 * Used by the CLI. `status` tells how far recovery is and which messages nobody knows; `recover` puts those back as well.
 */
import { z } from 'zod';

export const KeeperRequest = z.discriminatedUnion('operation', [
  z.object({ operation: z.literal('status') }),
  /** `isDryRun`: only say what would be put back. Answered when the work has begun; `status` tells the rest. */
  z.object({ operation: z.literal('recover'), isDryRun: z.boolean() }),
]);
export type KeeperRequest = z.infer<typeof KeeperRequest>;

/** How far a recovery has come, or came. */
export const RecoveryReport = z.object({
  phase: z.enum(['waiting', 'reading', 'putting-back', 'done']),
  /** Segments of the spool that concern it; known when all are looked through. */
  segments: z.number(),
  segmentsDone: z.number(),
  messages: z.number(),
  complete: z.number(),
  putBack: z.number(),
  held: z.number(),
  heldOld: z.number(),
  damaged: z.number(),
});
export type RecoveryReport = z.infer<typeof RecoveryReport>;

/** What the last check for messages that nobody knows found, or what a repair does. */
export const RepairReport = z.object({
  phase: z.enum(['idle', 'checking', 'putting-back', 'done', 'failed']),
  isDryRun: z.boolean(),
  /** Messages that are not complete, as of the check. */
  open: z.number(),
  checked: z.number(),
  missing: z.number(),
  putBack: z.number(),
  /** Some of the missing. */
  queueIds: z.array(z.string()),
  error: z.string().optional(),
});
export type RepairReport = z.infer<typeof RepairReport>;

export const KeeperReply = z.object({
  version: z.literal(1),
  keeper: z.string(),
  error: z.string().optional(),
  generation: z.number(),
  isRecovered: z.boolean(),
  /** Of the recovery that runs, or of the last one of this process. */
  recovery: RecoveryReport.optional(),
  /** Messages in the spool that are neither finished nor anywhere in the queue, by the check that runs all the time. */
  unaccounted: z.number(),
  unaccountedIds: z.array(z.string()),
  /** Of the repair that runs, or of the last one of this process. */
  repair: RepairReport.optional(),
});
export type KeeperReply = z.infer<typeof KeeperReply>;
