/**
 * What is known about one attempt for one recipient, in the terms of RFC 3464 and of Postfix's dsn(3) structure.
 * The same value feeds the reply, the log line and the DSN, so that they cannot disagree.
 */
import { z } from 'zod';

/** Status of an attempt. `code` is the enhanced status code (RFC 3463), for example `4.4.1`. */
export const DeliveryStatus = z.object({
  code: z.string(),
  /** One line for humans; of remote origin when `remoteMta` is set. */
  text: z.string(),
  /** Diagnostic-Code: type and text, for example `smtp` and `550 5.1.1 unknown user` (RFC 3464 section 2.3.6). */
  diagnostic: z.object({ type: z.enum(['smtp', 'x-railpost', 'x-unix']), text: z.string() }).optional(),
  /** Remote-MTA name (RFC 3464 section 2.3.5) when the status was given by one. */
  remoteMta: z.string().optional(),
});
export type DeliveryStatus = z.infer<typeof DeliveryStatus>;
