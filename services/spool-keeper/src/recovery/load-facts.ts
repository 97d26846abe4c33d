/**
 * Loads what is known of all messages: the journal of all generations, and the recipients that reports in the spool settle (durability
 * rule 6). A damaged journal object is told and passed over: what it says is missing, so a message may be delivered twice, never lost.
 */
import { type JournalDamage, type ObjectStore, loadJournal, readSettlements } from '@railpost/spool';
import type { Settlement } from '@railpost/mail';
import { JournalFacts } from './journal-facts.ts';
import { scanSpool } from './scan-spool.ts';

/** What loading needs. */
export interface FactsRequest {
  readonly store: ObjectStore;
  /** Segments begun later are passed over, milliseconds since the epoch. */
  readonly untilMs: number;
  readonly signal: AbortSignal;
  onDamaged(key: string, reason: string): void;
  /** Called for each segment looked through. */
  onSegment(): void;
}

/** Loads; `settlements` are those that the journal does not know. Rejects with the signal's reason when it aborts. @throws SpoolUnavailableError */
export async function loadFacts(
  request: FactsRequest,
): Promise<{ readonly facts: JournalFacts; readonly settlements: readonly Settlement[] }> {
  const { store, signal } = request;
  const facts = new JournalFacts();
  const settlements: Settlement[] = [];
  const onDamaged = ({ key, reason }: JournalDamage) => request.onDamaged(key, reason);
  for await (const { entries } of loadJournal(store, { onDamaged })) {
    signal.throwIfAborted();
    for (const entry of entries) facts.note(entry);
  }
  const scan = scanSpool({
    ...request,
    read: ({ key, bytes }) => readSettlements(store, key, bytes),
  });
  for await (const { content } of scan) {
    request.onSegment();
    for (const settlement of content ?? [])
      if (facts.noteSettlement(settlement)) settlements.push(settlement);
  }
  signal.throwIfAborted();
  return { facts, settlements };
}
