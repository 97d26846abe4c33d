/**
 * Where the content of a message lies in the spool of record. Carried by every record on the bus instead of the body.
 */
import { z } from 'zod';

/** A slice of a segment object: `bytes` octets of content from `offset`, of which the first `headerBytes` are the header section. */
export const BodyRef = z.object({
  /** Object key of the segment; survivors of a compacted segment move to `<key>~<n>` (durability rule 16). */
  key: z.string(),
  /** First octet of the content inside the object. */
  offset: z.number(),
  /** Length of the content in octets (header section and body, CRLF line ends, no dot-stuffing). */
  bytes: z.number(),
  /** Length of the header section including the empty line that ends it (or of the whole content when there is none). */
  headerBytes: z.number(),
  /** SHA-256 of the content, lower-case hex. Every reader verifies it. */
  sha256: z.string(),
});
export type BodyRef = z.infer<typeof BodyRef>;
