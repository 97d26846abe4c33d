/**
 * CORRUPT record: what could not be processed, kept for a human. Subject `rp.bad.<id>`; no consumer.
 */
import { decodeLatin1, queueIdPattern } from '@railpost/mail';
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

/**
 * Queue ids that octets name which are no record any more, in the order of their first appearance. A damaged bundle may name several. What
 * is found is a hint: whether the spool has such a message must be asked. Those that a report settles are passed over.
 */
export function salvageQueueIds(octets: Uint8Array): readonly string[] {
  const found = new Set<string>();
  for (const [, id = ''] of decodeLatin1(octets).matchAll(/"queueId":"([0-9A-Za-z]{1,64})"(?!,"orig")/g))
    if (queueIdPattern.test(id)) found.add(id);
  return [...found];
}
