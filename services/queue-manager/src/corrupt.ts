/**
 * What cannot be processed goes to CORRUPT, for a human, with a count that alerts can be made of. The caller lets go of its own record
 * only afterwards (durability rule 5).
 */
import { publishCorrupt } from '@railpost/bus';
import { salvageQueueIds } from '@railpost/contracts';
import type { QueueContext } from './context.ts';
import type { QueueMetrics } from './metrics.ts';

/** Label of the count. */
export type CorruptReason = 'undecodable' | 'content-gone' | 'content-damaged';

/** What is moved. */
export interface CorruptFacts {
  readonly reason: CorruptReason;
  /** In words. */
  readonly text: string;
  /** Unknown: taken from the octets, if they name one. */
  readonly queueId?: string;
  readonly busSubject: string;
  readonly payload: Uint8Array;
}

/** Resolves when it is durable. @throws as publishCorrupt: nothing may be let go of */
export async function moveToCorrupt(
  { context, metrics }: { readonly context: QueueContext; readonly metrics: QueueMetrics },
  facts: CorruptFacts,
): Promise<void> {
  const queueId = facts.queueId ?? salvageQueueIds(facts.payload)[0];
  await publishCorrupt(context.bus, {
    version: 1,
    service: 'queue-manager',
    ...(queueId === undefined ? {} : { queueId }),
    reason: facts.text,
    busSubject: facts.busSubject,
    payload: Buffer.from(facts.payload).toString('base64'),
    at: new Date(context.clock.nowMs()).toISOString(),
  });
  metrics.corrupt.inc({ reason: facts.reason });
}
