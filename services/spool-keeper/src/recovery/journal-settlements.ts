/**
 * Writes into the journal what reports in the spool settle and the journal does not know (durability rule 6): their owner died between report
 * and journal. Else it would be known only as long as the report is in the spool. Terminal entries need no order and no fence:
 * they are true whoever writes them, and twice is as good as once.
 */
import type { JournalEntry } from '@railpost/contracts';
import type { Settlement } from '@railpost/mail';
import { type ObjectStore, openJournalWriter } from '@railpost/spool';

/** Resolves when they are durable. @throws SpoolUnavailableError */
export async function journalSettlements(
  store: ObjectStore,
  generation: number,
  settlements: readonly Settlement[],
  nowMs: number,
): Promise<void> {
  if (settlements.length === 0) return;
  const entries = settlements.map((each): JournalEntry => ({ ...each, kind: 'bounced' }));
  // Below every epoch of an owner, so that no last sequence is looked for here.
  const epoch = Math.floor(nowMs / 1000);
  const journal = openJournalWriter(store, { generation, shard: 0, epoch }, { now: () => nowMs });
  try {
    await journal.append(entries, {});
  } finally {
    await journal.close();
  }
}
