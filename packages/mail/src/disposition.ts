/**
 * The closed set of things that can happen to one recipient in one attempt, and the terminal ones that the
 * completion journal records.
 */
import { z } from 'zod';

/** Outcome of one attempt for one recipient (Postfix: sent, deferred, bounced). */
export const Disposition = z.enum(['delivered', 'deferred', 'bounced']);
export type Disposition = z.infer<typeof Disposition>;
