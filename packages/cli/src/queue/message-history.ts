/** What the journal says of one message: which of its recipients are finished, which are on hold (durability rules 12 and 14). */
import { HoldSet, OriginalProgress, type RecipientHistory } from '@railpost/contracts';
import type { Envelope } from '@railpost/mail';
import { type ObjectStore, loadJournal } from '@railpost/spool';

/** The history of a message. */
export interface MessageHistory {
  readonly recipients: readonly RecipientHistory[];
  /** Originals that are owed nothing any more. */
  readonly completed: number;
  /** Journal objects that are damaged: a recipient that only they call finished counts as open. */
  readonly damaged: readonly string[];
}

/** Clocks of owners and of ingress may differ by this much. */
const clockSlackMs = 600_000;

/** Reads the journal of all generations since the message came. @throws SpoolUnavailableError */
export async function readHistory(store: ObjectStore, envelope: Envelope): Promise<MessageHistory> {
  const progress = envelope.recipients.map(() => new OriginalProgress());
  const holds = new HoldSet();
  const damaged: string[] = [];
  const sinceMs = Date.parse(envelope.receivedAt) - clockSlackMs;
  const onDamaged = ({ key }: { readonly key: string }) => damaged.push(key);
  for await (const { entries } of loadJournal(store, { sinceMs, onDamaged }))
    for (const entry of entries) {
      if (entry.queueId !== envelope.queueId) continue;
      holds.apply(entry);
      progress[entry.orig]?.note(entry);
    }
  const recipients = progress.map((each, orig) => ({
    orig,
    done: each.finals(),
    isHeld: holds.state(envelope.queueId, orig) ?? envelope.hold === true,
    ...(each.isComplete ? { isComplete: true } : {}),
  }));
  return { recipients, damaged, completed: progress.filter(({ isComplete }) => isComplete).length };
}
