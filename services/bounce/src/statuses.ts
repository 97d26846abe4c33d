/** Every status that bounce gives for its own work; what it reports to senders are the statuses of others. */
import type { DeliveryStatus } from '@railpost/mail';

/** Symbol -> status. */
export const statuses = {
  /** The report is in the spool and in INCOMING. */
  reported: { code: '2.0.0', text: 'sender notification queued' },
  /** Null reverse-path, or NOTIFY does not ask for it. */
  nothingOwed: { code: '2.0.0', text: 'no sender notification owed' },
  /** Reported of an original that stands for others (Postfix cleanup(8)). */
  expanded: { code: '2.0.0', text: 'alias expanded' },
} as const satisfies Readonly<Record<string, DeliveryStatus>>;
