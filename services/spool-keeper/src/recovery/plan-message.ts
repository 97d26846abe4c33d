/**
 * What recovery does with one message of the spool (durability rules 14 and 17). Pure.
 */
import type { RecipientHistory } from '@railpost/contracts';
import type { Envelope } from '@railpost/mail';
import type { MessageFacts } from './journal-facts.ts';

/** What the plan depends on beside the journal. */
export interface PlanFacts {
  readonly nowMs: number;
  /** Longest time that a message may wait, milliseconds: beyond it a message that nothing is known of is suspect. */
  readonly longestLifeMs: number;
}

/** `held-old`: put back, on hold, for a human: its journal may have been lost, then it may have been delivered long ago. */
export type MessagePlan =
  | { readonly kind: 'complete' }
  | { readonly kind: 'put-back' | 'held-old'; readonly history: readonly RecipientHistory[] };

/** Plans. */
export function planMessage(envelope: Envelope, known: MessageFacts, facts: PlanFacts): MessagePlan {
  if (known.isComplete) return { kind: 'complete' };
  const ageMs = facts.nowMs - Date.parse(envelope.receivedAt);
  if (known.isKnown || ageMs <= facts.longestLifeMs) return { kind: 'put-back', history: known.history };
  const history = [...envelope.recipients.keys()].map((orig) => ({ orig, done: [], isHeld: true }));
  return { kind: 'held-old', history };
}
