/**
 * CORRUPT record: what could not be processed, kept for a human. Subject `rp.bad.<id>`; no consumer.
 */
import { z } from 'zod';

export const CorruptRecord = z.object({
  version: z.literal(1),
  /** Service that gave up. */
  service: z.string(),
  queueId: z.string().optional(),
  reason: z.string(),
  busSubject: z.string(),
  /** The bus message as it was, base64. */
  payload: z.string(),
  at: z.string(),
});
export type CorruptRecord = z.infer<typeof CorruptRecord>;
