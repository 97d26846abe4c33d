/**
 * Accepting: spool the message, publish INCOMING, only then 250 (durability rules 1 and 2). Before the first octet is spooled the bus
 * must be healthy; once the PUT has succeeded there is no 451 any more: 250 at the PubAck, or after five seconds while the
 * publish goes on being repeated under the same msgID. If this process dies meanwhile, the orphan check finds the record.
 */
import type { Bus, GroupPublisher } from '@railpost/bus';
import { StreamFullError } from '@railpost/bus';
import { encodeIncomingText } from '@railpost/contracts';
import type { BodyRef, Envelope } from '@railpost/mail';
import type { Clock, CrashPoint, Mutant } from '@railpost/runtime';
import { traceparentHeader } from '@railpost/runtime';
import { type RecordWriter, type SegmentWriter, SpoolUnavailableError } from '@railpost/spool';
import type { MessageContent } from './content.ts';
import type { Intake } from './intake/intake.ts';
import type { Patience } from './patience.ts';
import type { StatusName } from './statuses.ts';

/** How long 250 waits for the PubAck after the PUT. */
export const publishDeadlineMs = 5000;
/** Pause before a publish that the stream refused (full) is tried again. */
const republishMs = 1000;
/** How long after its 250 the mutant begins to keep the message. */
const mutantDelayMs = 200;

/** What accepting needs. */
export interface AcceptContext {
  readonly bus: Pick<Bus, 'names'>;
  readonly intake: Pick<Intake, 'refusal' | 'countLate'>;
  readonly segments: SegmentWriter;
  readonly incoming: GroupPublisher;
  /** Of {@link publishDeadlineMs}. */
  readonly patience: Patience;
  readonly clock: Clock;
  readonly crashPoint: CrashPoint;
  readonly mutant?: Mutant | undefined;
  /** A publish was not acknowledged in time; the message is safe and 250 was said. */
  onLatePublish(queueId: string): void;
}

/** What became of a message. `silent`: nobody can know whether it is stored; close without a reply (rule 2). */
export type Acceptance =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly status: StatusName }
  | { readonly kind: 'silent' };

/** Why nothing can be accepted now, or undefined (rule 1: asked before anything is written). */
export function whyNotNow(context: AcceptContext): StatusName | undefined {
  return context.intake.refusal();
}

/** Makes a complete message durable and queued. */
export async function accept(
  context: AcceptContext,
  record: RecordWriter,
  content: MessageContent,
  envelope: Envelope,
): Promise<Acceptance> {
  const header = await content.finish();
  const refusal = content.failure ?? whyNotNow(context);
  if (refusal !== undefined) {
    content.fail(refusal);
    return { kind: 'refused', status: refusal };
  }
  if (context.mutant !== 'reply-before-put') return keep(context, record, { envelope, header });
  setTimeout(() => void keep(context, record, { envelope, header }).catch(() => undefined), mutantDelayMs);
  return { kind: 'accepted' };
}

/** Spools and publishes; whatever this says is true. */
async function keep(
  context: AcceptContext,
  record: RecordWriter,
  { envelope, header }: { readonly envelope: Envelope; readonly header: Uint8Array },
): Promise<Acceptance> {
  context.crashPoint('ingress.before-put');
  // It stands in the spool and on the bus.
  const envelopeText = JSON.stringify(envelope);
  let body: BodyRef;
  try {
    body = await record.commit(envelope, header.length, envelopeText);
  } catch (error) {
    if (!(error instanceof SpoolUnavailableError)) throw error;
    return error.effect === 'none' ? { kind: 'refused', status: 'spoolUnavailable' } : { kind: 'silent' };
  }
  context.crashPoint('ingress.put-before-publish');
  await withinDeadline(
    context,
    envelope.queueId,
    publish(context, envelope, encodeIncomingText(envelopeText, body, header)),
  );
  context.crashPoint('ingress.published-before-250');
  return { kind: 'accepted' };
}

/** Publishes until it is stored; gives up only when the bus is closed, or refuses for good: then the orphan check has it. */
async function publish(context: AcceptContext, envelope: Envelope, payload: Uint8Array): Promise<void> {
  const { queueId, traceparent } = envelope;
  const headers = traceparent === undefined ? {} : { [traceparentHeader]: traceparent };
  for (;;) {
    try {
      await context.incoming.publish(context.bus.names.incomingSubject(queueId), payload, {
        messageId: `${queueId}/0`,
        headers,
      });
      return;
    } catch (error) {
      if (!(error instanceof StreamFullError)) {
        context.onLatePublish(queueId);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, republishMs).unref());
    }
  }
}

async function withinDeadline(
  context: AcceptContext,
  queueId: string,
  published: Promise<void>,
): Promise<void> {
  if (await context.patience.isKept(published)) return;
  context.onLatePublish(queueId);
  // Until then nothing else is taken: the bus answers pings, and yet it does not store.
  context.intake.countLate(1);
  void published.finally(() => context.intake.countLate(-1));
}
