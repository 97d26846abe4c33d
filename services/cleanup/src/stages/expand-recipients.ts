/**
 * From original recipients to finals (row B5): what the resolver said of each, minus what is done already, with the run
 * and size that complete the original in the journal (durability rule 14). Pure.
 *
 * Repetitions are eliminated as Postfix does with its defaults: an original that repeats an earlier one (same address in any
 * case, same DSN parameters) gets nothing, and a final stands once per original; an address that two different originals
 * expand to is delivered once for each, because X-Original-To and notifications differ. Every original completes: where
 * nothing is owed, one final for `discard:` stands for it.
 *
 * Of an original with NOTIFY=SUCCESS that is expanded the sender hears so once, and nothing of the finals' success (RFC 3461 section
 * 5.2.7, Postfix cleanup(8)).
 */
import type { FinalRecipient, Resolution } from '@railpost/config';
import { type NextHop, type RecipientHistory, runIdentity } from '@railpost/contracts';
import type { Envelope, EnvelopeRecipient } from '@railpost/mail';
import { forwardingLoop, nothingOwed } from '../statuses.ts';

/** One final recipient of one original, and where it goes. */
export interface PlannedRecipient {
  readonly orig: number;
  readonly recipient: EnvelopeRecipient;
  readonly final: string;
  readonly run: string;
  readonly n: number;
  readonly isHeld: boolean;
  /** What the sender wants to hear of this final. */
  readonly notify: EnvelopeRecipient['notify'];
  readonly isExpansionReportDue: boolean;
  readonly nextHop: NextHop;
  readonly mailDomain: string | undefined;
}

/** What the stage needs from outside. */
export interface ExpansionFacts {
  /** One per original recipient, in order. */
  readonly resolutions: readonly Resolution[];
  readonly history: readonly RecipientHistory[];
  /** Addresses in Delivered-To fields, lower case. */
  readonly deliveredTo: ReadonlySet<string>;
  readonly sha256Hex: (text: string) => string;
}

/** Plans all recipients of a message. @throws RangeError when a resolution is missing or empty: a bug of ours */
export function expandRecipients(
  envelope: Pick<Envelope, 'recipients' | 'hold'>,
  facts: ExpansionFacts,
): PlannedRecipient[] {
  const planned: PlannedRecipient[] = [];
  const seen = new Set<string>();
  for (const [orig, recipient] of envelope.recipients.entries()) {
    const history = facts.history.find((each) => each.orig === orig);
    const isHeld = envelope.hold === true || history?.isHeld === true;
    const identity = JSON.stringify([fold(recipient.address), recipient.orcpt, recipient.notify, isHeld]);
    const resolution = facts.resolutions[orig];
    const owed = seen.has(identity) ? [] : owedFinals(resolution, history);
    seen.add(identity);
    // Recovery found it complete: whatever it expands to today is nobody's mail any more.
    if (history?.isComplete === true) continue;
    const finals = owed.length > 0 ? owed.map((each) => withLoopCheck(each, facts)) : [settled(recipient)];
    const run = runOf(orig, finals, facts);
    const wishes = wishesOf(recipient, {
      isExpanded: isExpansion(resolution),
      isOwed: owed.length > 0,
      wasAttempted: wasAttempted(history),
    });
    for (const [position, { address: final, nextHop, mailDomain }] of finals.entries()) {
      const isExpansionReportDue = wishes.isExpansionReportDue && position === 0;
      const shared = { orig, recipient, run, n: finals.length, isHeld, notify: wishes.notify };
      planned.push({ ...shared, final, isExpansionReportDue, nextHop, mailDomain });
    }
  }
  return planned;
}

/** Hash of an expansion: the same finals in the same order are the same run (rule 14). */
function runOf(orig: number, finals: readonly { readonly address: string }[], facts: ExpansionFacts): string {
  const addresses = finals.map((each) => each.address);
  return facts.sha256Hex(runIdentity(orig, addresses)).slice(0, 12);
}

function isExpansion(resolution: Resolution | undefined): boolean {
  return resolution !== undefined && resolution.steps.length > 0;
}

/** What recovery found partly done was attempted, and reported, before. */
function wasAttempted(history: RecipientHistory | undefined): boolean {
  return history !== undefined && history.done.length > 0;
}

/** Behind an alias nobody reports success any more; what repeats another recipient is never reported. */
function wishesOf(
  { notify }: EnvelopeRecipient,
  found: { readonly isExpanded: boolean; readonly isOwed: boolean; readonly wasAttempted: boolean },
): Pick<PlannedRecipient, 'notify' | 'isExpansionReportDue'> {
  if (notify === undefined) return { notify, isExpansionReportDue: false };
  if (!found.isOwed) return { notify: ['NEVER'], isExpansionReportDue: false };
  if (!found.isExpanded || !notify.includes('SUCCESS')) return { notify, isExpansionReportDue: false };
  const rest = notify.filter((each) => each !== 'SUCCESS');
  return { notify: rest.length === 0 ? ['NEVER'] : rest, isExpansionReportDue: !found.wasAttempted };
}

type Final = Pick<FinalRecipient, 'address' | 'nextHop' | 'mailDomain'>;

/** The finals of an original without repetitions and without those that recovery found done. */
function owedFinals(resolution: Resolution | undefined, history: RecipientHistory | undefined): Final[] {
  if (resolution === undefined || resolution.finals.length === 0)
    throw new RangeError('recipient without resolution');
  const seen = new Set<string>();
  const done = new Set(history?.done);
  return resolution.finals.filter(({ address }) => {
    const folded = fold(address);
    const isNew = !seen.has(folded) && !done.has(address);
    seen.add(folded);
    return isNew;
  });
}

function settled(recipient: EnvelopeRecipient): Final {
  return { address: recipient.address, nextHop: nothingOwed, mailDomain: undefined };
}

/** A mailbox that the message has been in before ends the circle (row B1). */
function withLoopCheck(final: Final, facts: ExpansionFacts): Final {
  const isLoop = final.nextHop.transport === 'mailbox' && facts.deliveredTo.has(fold(final.address));
  return isLoop ? { ...final, nextHop: forwardingLoop(final.address) } : final;
}

function fold(address: string): string {
  return address.toLowerCase();
}
