/**
 * Header edits: how later stages change a header section that nobody may rewrite in the spool.
 * A list of splices over the octets of the stored content, ordered by `at`, never overlapping, all inside the
 * header section. Delivery agents apply them while they send, so a body is never copied to change a header.
 */
import { z } from 'zod';

/** Replace `remove` octets at offset `at` of the content by `insert` (UTF-8 text with CRLF line ends). */
export const HeaderEdit = z.object({ at: z.number(), remove: z.number(), insert: z.string() });
export type HeaderEdit = z.infer<typeof HeaderEdit>;
