/**
 * Completion journal: what is finished, in object storage, written by shard owners before they ack (rules 5, 10, 12, 14).
 * Objects `journal/<generation>/<shard>/<timeMs>-<epoch>-<counter>`; within a generation and shard, (epoch, counter) orders them.
 */
import { z } from 'zod';

/** `held` and `released` are not terminal; `dropped`: nothing owed (a DSN without sender, a discarded recipient). */
export const JournalKind = z.enum([
  'delivered',
  'bounced',
  'discarded',
  'dropped',
  'deleted',
  'held',
  'released',
]);
export type JournalKind = z.infer<typeof JournalKind>;

/** True for kinds after which a recipient needs nothing more. */
export function isTerminal(kind: JournalKind): boolean {
  return kind !== 'held' && kind !== 'released';
}

export const JournalEntry = z.object({
  queueId: z.string(),
  orig: z.number(),
  final: z.string(),
  kind: JournalKind,
  run: z.string(),
  n: z.number(),
  /**
   * Since when the keeper finds the queue id in no object of the spool, milliseconds since the epoch (rule 17): a day later the entry goes.
   * Readers pass it over.
   */
  absentSinceMs: z.number().optional(),
});
export type JournalEntry = z.infer<typeof JournalEntry>;

/** Key of a recipient in done sets: queue id, original, final. */
export function journalKey(entry: Pick<JournalEntry, 'queueId' | 'orig' | 'final'>): string {
  return `${entry.queueId} ${entry.orig} ${entry.final}`;
}

export const JournalObject = z.object({
  version: z.literal(1),
  generation: z.number(),
  shard: z.number(),
  epoch: z.number(),
  counter: z.number(),
  at: z.string(),
  /** Last sequence of each stream the writer knows, by stream name (rule 17/18: a stream behind this was wiped). */
  lastSequences: z.record(z.string(), z.number()),
  entries: z.array(JournalEntry),
});
export type JournalObject = z.infer<typeof JournalObject>;
