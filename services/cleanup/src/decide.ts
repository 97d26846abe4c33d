/**
 * What becomes of one accepted message: the delivery jobs, with the header edits that agents apply while they send. Pure:
 * lookups and hashes come in as facts; the same record under the same configuration gives the same jobs, octet for octet.
 */
import type { PlatformSettings, Resolution } from '@railpost/config';
import type { DeliveryJob, IncomingRecord } from '@railpost/contracts';
import { completeAddress } from './stages/complete-addresses.ts';
import { type EditedHeader, editHeader } from './stages/edit-headers.ts';
import { expandRecipients } from './stages/expand-recipients.ts';
import { groupJobs } from './stages/group-jobs.ts';

/** Everything from outside that the decision depends on. */
export interface CleanupFacts {
  /** At least the octets of the header section. */
  readonly headerSection: Uint8Array;
  /** Answers of the resolver, one per original recipient. */
  readonly resolutions: readonly Resolution[];
  readonly platform: Pick<PlatformSettings, 'hostname' | 'origin' | 'delivery'>;
  /** Stream sequence of the record. */
  readonly incomingSequence: number;
  readonly sha256Hex: (text: string) => string;
}

export type CleanupDecision =
  | { readonly kind: 'enqueue'; readonly jobs: readonly DeliveryJob[]; readonly messageId: string }
  /** Nothing sensible can be done with it: a human must look. */
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Decides one message. @throws RangeError when facts are missing: a bug of ours */
export function decideCleanup(record: IncomingRecord, facts: CleanupFacts): CleanupDecision {
  const { envelope } = record;
  if (envelope.recipients.length === 0) return { kind: 'corrupt', reason: 'no recipients' };
  const receivedAtMs = Date.parse(envelope.receivedAt);
  if (Number.isNaN(receivedAtMs)) return { kind: 'corrupt', reason: 'receivedAt is no date' };
  const reversePath = completeAddress(envelope.reversePath, facts.platform.origin);
  const header = editHeader(facts.headerSection, {
    queueId: envelope.queueId,
    hostname: facts.platform.hostname,
    origin: facts.platform.origin,
    reversePath,
    receivedAtMs,
    client: envelope.client,
    contentBytes: record.body.bytes,
  });
  const planned = expandRecipients(envelope, {
    resolutions: facts.resolutions,
    history: record.history ?? [],
    deliveredTo: header.deliveredTo,
    sha256Hex: facts.sha256Hex,
  });
  const jobs = groupJobs(planned, {
    template: templateOf(record, { header, reversePath, incomingSequence: facts.incomingSequence }),
    editsFor: (transport) => (transport === 'mailbox' ? header.mailboxEdits : header.edits),
    recipientsPerJob: Math.max(facts.platform.delivery.recipientsPerDelivery, 1),
    sha256Hex: facts.sha256Hex,
  });
  return { kind: 'enqueue', jobs, messageId: header.messageId };
}

function templateOf(
  record: IncomingRecord,
  decided: { readonly header: EditedHeader; readonly reversePath: string; readonly incomingSequence: number },
) {
  const { envelope } = record;
  return {
    queueId: envelope.queueId,
    attempt: record.attempt,
    reversePath: decided.reversePath,
    ...(envelope.ret === undefined ? {} : { ret: envelope.ret }),
    ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
    ...(envelope.body === undefined ? {} : { body: envelope.body }),
    smtputf8: envelope.smtputf8,
    content: record.body,
    client: envelope.client,
    messageId: decided.header.messageId,
    receivedAt: envelope.receivedAt,
    incomingSequence: decided.incomingSequence,
    ...(envelope.traceparent === undefined ? {} : { traceparent: envelope.traceparent }),
  };
}
