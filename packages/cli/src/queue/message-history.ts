/** What the journal says of messages: which of their recipients are finished, which are on hold (durability rules 12 and 14). */
import { HoldSet, OriginalProgress, type RecipientHistory } from '@railpost/contracts';
import type { Envelope } from '@railpost/mail';
import { type ObjectStore, loadJournal } from '@railpost/spool';

/** The history of a message. */
export interface MessageHistory {
  readonly recipients: readonly RecipientHistory[];
  /** Originals that are owed nothing any more. */
  readonly completed: number;
}

/** Histories by queue id. */
export interface Histories {
  readonly byQueueId: ReadonlyMap<string, MessageHistory>;
  /** Journal objects that are damaged: a recipient that only they call finished counts as open. */
  readonly damaged: readonly string[];
}

/** Clocks of owners and of ingress may differ by this much. */
const clockSlackMs = 600_000;

/** Reads the journal of all generations, once, since the oldest of the messages came. @throws SpoolUnavailableError */
export async function readHistories(store: ObjectStore, envelopes: readonly Envelope[]): Promise<Histories> {
  const progress = new Map(
    envelopes.map(({ queueId, recipients }) => [queueId, recipients.map(() => new OriginalProgress())]),
  );
  const holds = new HoldSet();
  const damaged: string[] = [];
  if (envelopes.length === 0) return { byQueueId: new Map(), damaged };
  const sinceMs = Math.min(...envelopes.map(({ receivedAt }) => Date.parse(receivedAt))) - clockSlackMs;
  const onDamaged = ({ key }: { readonly key: string }) => damaged.push(key);
  for await (const { entries } of loadJournal(store, { sinceMs, onDamaged }))
    for (const entry of entries) {
      const originals = progress.get(entry.queueId);
      if (originals === undefined) continue;
      holds.apply(entry);
      originals[entry.orig]?.note(entry);
    }
  const histories = envelopes.map((envelope): [string, MessageHistory] => [
    envelope.queueId,
    historyOf(envelope, progress.get(envelope.queueId) ?? [], holds),
  ]);
  return { byQueueId: new Map(histories), damaged };
}

function historyOf(
  envelope: Envelope,
  progress: readonly OriginalProgress[],
  holds: HoldSet,
): MessageHistory {
  const recipients = progress.map((each, orig) => ({
    orig,
    done: each.finals(),
    isHeld: holds.state(envelope.queueId, orig) ?? envelope.hold === true,
    ...(each.isComplete ? { isComplete: true } : {}),
  }));
  return { recipients, completed: progress.filter(({ isComplete }) => isComplete).length };
}
