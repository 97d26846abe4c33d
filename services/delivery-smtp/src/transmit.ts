/**
 * One job over one open session: does the server take such a message at all, which form does it get, and what became of each
 * recipient. Pure policy around the engine's transaction.
 */
import type { DeliveryJob } from '@railpost/contracts';
import { type DeliveryStatus, isAscii } from '@railpost/mail';
import { type RecipientResult, type SmtpClient, type TransactionStep, isUnsendable } from '@railpost/smtp';
import type { PendingRecipient } from '@railpost/runtime';
import { type Peer, type Verdict, classifyRecipient, verdictOf } from './classify.ts';
import type { JobContent } from './content.ts';
import { statuses } from './statuses.ts';

/** What to transmit. */
export interface Transmission {
  readonly job: DeliveryJob;
  readonly recipients: readonly PendingRecipient[];
  readonly content: JobContent;
  mayCommit(): Promise<void>;
  /** See the engine's OutgoingMessage. */
  offerSession(): boolean;
  onStep(step: TransactionStep): void;
}

/** What came of it. */
export interface Transmitted {
  /** By index into job.recipients. */
  readonly verdicts: ReadonlyMap<number, Verdict>;
  /** The session died before the server said anything to this message: on a reused one, try a fresh one. */
  readonly isSessionStale: boolean;
}

/** @throws errors of the spool, and what `mayCommit` rejects with; the session is of no more use then */
export async function transmit(
  client: SmtpClient,
  peer: Peer,
  transmission: Transmission,
): Promise<Transmitted> {
  const { job, content } = transmission;
  const misfit = await findMisfit(client, peer, transmission);
  if (misfit !== undefined) return refuseAll(transmission.recipients, misfit);

  const verdicts = new Map<number, Verdict>();
  const sendable = transmission.recipients.filter(({ index, recipient }) => {
    if (!isUnsendable(recipient.final)) return true;
    verdicts.set(index, verdictOf(statuses.unsendableRecipient(), false));
    return false;
  });
  if (sendable.length === 0) return { verdicts, isSessionStale: false };

  const { hasDsn } = client.capabilities;
  const needsSevenBit = !client.capabilities.hasEightBitMime && (await content.isEightBit());
  const results = await client.send({
    mail: {
      reversePath: job.reversePath,
      // The size after conversion is not known before it (Postfix leaves it out, too).
      sizeBytes: needsSevenBit ? undefined : content.bytes,
      body: job.body === 'BINARYMIME' ? '8BITMIME' : job.body,
      isSmtpUtf8: job.smtputf8 || hasUtf8Address(transmission),
      ret: job.ret,
      envid: job.envid,
    },
    recipients: sendable.map(({ recipient }) => ({
      forwardPath: recipient.final,
      notify: recipient.notify,
      orcpt: recipient.orcpt,
      original: recipient.original,
    })),
    content: needsSevenBit ? content.sevenBitChunks() : () => content.open(),
    mayCommit: () => transmission.mayCommit(),
    offerSession: () => transmission.offerSession(),
    onStep: (step) => transmission.onStep(step),
  });
  for (const [position, { index }] of sendable.entries()) {
    const result = results[position];
    if (result !== undefined) verdicts.set(index, classifyRecipient(result, { ...peer, hasDsn }));
  }
  return { verdicts, isSessionStale: results.every(isStale) };
}

/** A message that this server cannot take, whatever we say to it: no need to try. */
async function findMisfit(
  client: SmtpClient,
  peer: Peer,
  transmission: Transmission,
): Promise<DeliveryStatus | undefined> {
  const { job, content } = transmission;
  const { sizeLimitBytes, hasSmtpUtf8 } = client.capabilities;
  if (isUnsendable(job.reversePath)) return statuses.unsendableSender();
  if (sizeLimitBytes !== undefined && content.bytes > sizeLimitBytes)
    return statuses.tooLarge(content.bytes, sizeLimitBytes, peer.site.text);
  if (hasSmtpUtf8) return undefined;
  // Asked for, but needed only where something is not ASCII (RFC 6531 section 3.6 leaves that to us, as Postfix does).
  const isNeeded = hasUtf8Address(transmission) || (job.smtputf8 && (await content.hasEightBitHeader()));
  return isNeeded ? statuses.smtpUtf8NotOffered(peer.site.text) : undefined;
}

/** An alias may lead to an address that needs SMTPUTF8 though the client did not ask for it. */
function hasUtf8Address({ job, recipients }: Transmission): boolean {
  return !isAscii(job.reversePath) || recipients.some(({ recipient }) => !isAscii(recipient.final));
}

function refuseAll(recipients: readonly PendingRecipient[], status: DeliveryStatus): Transmitted {
  const verdict = verdictOf(status, false);
  return { verdicts: new Map(recipients.map(({ index }) => [index, verdict])), isSessionStale: false };
}

function isStale(result: RecipientResult): boolean {
  if (result.kind === 'failed') return result.error.phase === 'mail' && result.error.code !== 'TIMEOUT';
  return result.kind === 'replied' && result.phase === 'mail' && result.reply.code === 421;
}
