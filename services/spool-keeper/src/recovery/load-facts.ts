/**
 * Loads what is known of all messages: the journal of all generations, and the recipients that reports in the spool settle (durability
 * rule 6). A damaged journal object is told and passed over: what it says is missing, so a message may be delivered twice, never lost.
 */
import { type JournalDamage, type ObjectStore, loadJournal, readSettlements } from '@railpost/spool';
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

/** Loads. Rejects with the signal's reason when it aborts. @throws SpoolUnavailableError */
export async function loadFacts(request: FactsRequest): Promise<JournalFacts> {
  const { store, signal } = request;
  const facts = new JournalFacts();
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
    for (const settlement of content ?? []) facts.noteSettlement(settlement);
  }
  signal.throwIfAborted();
  return facts;
}
