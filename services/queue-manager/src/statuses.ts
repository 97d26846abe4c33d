/** Statuses that queue-manager itself gives; what agents and peers say passes through unchanged. */
import type { DeliveryStatus } from '@railpost/mail';

/** Symbol -> status. */
export const statuses = {
  /** Transport `discard:` (Postfix discard(8)). */
  discarded: { code: '2.0.0', text: 'Discarded by policy' },
  /** The agent named no result for a recipient it was given. */
  noResult: { code: '4.3.0', text: 'No result from the delivery agent; delivery will be tried again' },
  /** In lists: nothing is left to deliver. */
  reportOwed: { code: '2.0.0', text: 'delivered; the sender asked for a report, which is owed' },
} as const satisfies Readonly<Record<string, DeliveryStatus>>;

/** A job deferred without an attempt because its destination is dead (Postfix: retry transport of qmgr(8)). */
export function suspendedStatus(last: DeliveryStatus): DeliveryStatus {
  const prefix = 'delivery temporarily suspended: ';
  return { ...last, text: last.text.startsWith(prefix) ? last.text : `${prefix}${last.text}` };
}

/** Status of a next hop `error:` or `retry:`. */
export function hopStatus(hop: { readonly code: string; readonly text: string }): DeliveryStatus {
  return { code: hop.code, text: hop.text };
}
