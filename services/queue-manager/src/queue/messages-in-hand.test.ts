/** What agents say they have, by message. */
import type { Heartbeat } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { MessagesInHand } from './messages-in-hand.ts';

function beat(transport: string, ...jobIds: readonly string[]): Heartbeat {
  const named = jobIds.map((jobId) => ({ jobId, queueId: 'Q', destination: 'x', task: 'deliver' as const }));
  const jobs = named.map((each) => ({ ...each, phase: 'transfer' as const }));
  return { version: 1, worker: 'delivery-smtp/a', transport, freeSlots: 1, jobs };
}

describe('messages in hand', () => {
  it('are those of all transports that an agent serves', () => {
    const inHand = new MessagesInHand();

    inHand.hear(beat('smtp', 'one'), 0);
    inHand.hear(beat('lmtp', 'two'), 0);

    expect(inHand.jobsOf('Q', 1, 1000)).toEqual(['one', 'two']);
  });

  it('are those of the latest word, and none of an agent that fell silent', () => {
    const inHand = new MessagesInHand();

    inHand.hear(beat('smtp', 'one'), 0);
    inHand.hear(beat('smtp', 'two'), 500);

    expect(inHand.jobsOf('Q', 1000, 1000)).toEqual(['two']);
    expect(inHand.jobsOf('Q', 1501, 1000)).toEqual([]);
  });
});
