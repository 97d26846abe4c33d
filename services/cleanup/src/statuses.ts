/**
 * Every status that cleanup gives a recipient, by symbol. It ends none itself: each becomes a job for `error:` or
 * `discard:`, which the owner of the shard settles, so that only owners write the journal (durability rule 14).
 */
import type { NextHop } from '@railpost/contracts';

/** The final recipient already stands in a Delivered-To field of the message (Postfix local(8): mail forwarding loop). */
export function forwardingLoop(final: string): NextHop {
  return { transport: 'error', code: '5.4.6', text: `mail forwarding loop for ${final}` };
}

/** Nothing is owed to this recipient: it is a repetition, or recovery found all its finals done. */
export const nothingOwed: NextHop = { transport: 'discard' };
