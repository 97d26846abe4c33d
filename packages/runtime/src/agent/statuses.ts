/**
 * The statuses that the agent frame itself gives: never final, because what a bug or an outage of ours cannot decide is
 * deferred. Those of peers and of the agents' own policy stand in each agent's `statuses.ts`.
 */
import type { DeliveryStatus } from '@railpost/mail';

/** Symbol -> status. */
export const agentStatuses = {
  /** The agent's code threw. */
  internalError: { code: '4.3.0', text: 'Internal error; delivery will be tried again' },
  /** Rule 9, or the drain: the transaction was aborted before the final dot. */
  commitRefused: { code: '4.3.0', text: 'Delivery interrupted before it was final; it will be tried again' },
  /** The agent answered for the job, but not for this recipient. */
  noResult: { code: '4.3.0', text: 'No result from the delivery agent; delivery will be tried again' },
} as const satisfies Readonly<Record<string, DeliveryStatus>>;
