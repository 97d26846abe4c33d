/**
 * The way of one record: decode, gather, decide, write jobs, acknowledge LAST. Many records are in hand at once; what they
 * publish shares batches.
 *
 * Failures: what cannot be decoded, has no content or fails five times by our own exception goes to CORRUPT with an alert
 * and is acknowledged; what the bus or the spool cannot serve now comes again, for as long as it takes. A record that was in
 * hand while the process stood still is given back unpublished.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BusError, type BusMessage, publishCorrupt } from '@railpost/bus';
import { decodeIncomingRecord } from '@railpost/contracts';
import type { ServiceContext } from '@railpost/runtime';
import { BodyGoneError, ContentCorruptError, type SegmentReader, SpoolError } from '@railpost/spool';
import { decideCleanup } from './decide.ts';
import type { JobWriter } from './effects.ts';
import { cleaned, corrupt, dropped, failed, postponed } from './events.ts';
import { type TakenRecord, gatherFacts } from './gather.ts';
import type { CleanupMetrics } from './metrics.ts';
import type { StallGuard } from './stall-guard.ts';

/** What the handling of a record stands on. */
export interface RecordHandlerParts {
  readonly context: Pick<ServiceContext, 'bus' | 'log' | 'configuration' | 'clock' | 'crashPoint' | 'mutant'>;
  readonly reader: SegmentReader;
  readonly writer: JobWriter;
  readonly metrics: CleanupMetrics;
  readonly guard: StallGuard;
}

type CorruptReason = 'undecodable' | 'unusable' | 'content-gone' | 'failed-often';

const failureLimit = 5;
/** How long after its ack the mutant begins to publish. */
const mutantDelayMs = 200;
const retryMinimumMs = 1000;
const retryMaximumMs = 30_000;
/** Records whose failures are remembered; more than that fail at once only when everything does. */
const rememberedFailures = 10_000;

/** Handles records of INCOMING. */
export class RecordHandler {
  readonly #parts: RecordHandlerParts;
  /** Our own exceptions per record ({@link recordKey}). */
  readonly #failures = new Map<string, number>();

  constructor(parts: RecordHandlerParts) {
    this.#parts = parts;
  }

  /** Handles one record to its ack or nak. @throws what publishing to CORRUPT throws: the caller naks */
  async handle(message: BusMessage): Promise<void> {
    const { context } = this.#parts;
    context.crashPoint('cleanup.taken');
    const takenMs = context.clock.monotonicMs();
    const taken = decode(message);
    if ('reason' in taken) return this.#giveUp(message, 'undecodable', taken.reason);
    try {
      await this.#process(message, taken, takenMs);
    } catch (error) {
      await this.#recover(message, taken, error);
    }
  }

  async #process(message: BusMessage, taken: TakenRecord, takenMs: number): Promise<void> {
    const { context, reader, writer, metrics, guard } = this.#parts;
    const facts = await gatherFacts(taken, { snapshot: context.configuration.current(), reader });
    const decision = decideCleanup(taken.record, facts);
    metrics.decideSeconds.observe((context.clock.monotonicMs() - takenMs) / 1000);
    if (decision.kind === 'corrupt') return this.#giveUp(message, 'unusable', decision.reason);

    const { queueId, traceparent } = taken.record.envelope;
    if (guard.hasStalledSince(takenMs)) {
      metrics.dropped.inc();
      dropped(context.log, { queueId });
      message.nak();
      return undefined;
    }
    if (context.mutant === 'cleanup-acks-first') {
      message.ack();
      await sleep(mutantDelayMs);
    }
    context.crashPoint('cleanup.decided');
    await writer.write(decision.jobs, `${message.sequence}-${message.deliveryCount}`);
    context.crashPoint('cleanup.published-before-ack');
    message.ack();
    if (this.#failures.size > 0) this.#failures.delete(recordKey(message));

    metrics.messages.inc();
    for (const job of decision.jobs) metrics.jobs.add(1, job.nextHop.transport);
    cleaned(context.log, {
      queueId,
      messageId: decision.messageId,
      jobs: decision.jobs.length,
      recipients: decision.jobs.reduce((total, job) => total + job.recipients.length, 0),
      ...(traceparent === undefined ? {} : { traceparent }),
    });
    context.crashPoint('cleanup.acked');
    return undefined;
  }

  /** Decides what an exception means for the record. */
  async #recover(message: BusMessage, taken: TakenRecord, error: unknown): Promise<void> {
    const { context, metrics } = this.#parts;
    const { queueId } = taken.record.envelope;
    if (error instanceof BodyGoneError || error instanceof ContentCorruptError) {
      return this.#giveUp(message, 'content-gone', error.message);
    }
    if ((error instanceof BusError || error instanceof SpoolError) && error.temporary) {
      const retryMs = backoffMs(message.deliveryCount);
      metrics.postponed.inc();
      postponed(context.log, { queueId, code: error.code, reason: error.message, retryMs });
      message.nak(retryMs);
      return undefined;
    }
    const failures = (this.#failures.get(recordKey(message)) ?? 0) + 1;
    if (failures >= failureLimit) return this.#giveUp(message, 'failed-often', String(error));
    if (this.#failures.size >= rememberedFailures) this.#failures.clear();
    this.#failures.set(recordKey(message), failures);
    const retryMs = backoffMs(failures);
    const stack = error instanceof Error ? error.stack : undefined;
    failed(context.log, {
      queueId,
      error: String(error),
      retryMs,
      ...(stack === undefined ? {} : { stack }),
    });
    message.nak(retryMs);
    return undefined;
  }

  /** Moves a record to CORRUPT, then acknowledges it. */
  async #giveUp(message: BusMessage, reason: CorruptReason, detail: string): Promise<void> {
    const { context, metrics } = this.#parts;
    const queueId = message.subject.split('.').at(-1);
    await publishCorrupt(context.bus, {
      version: 1,
      service: 'cleanup',
      ...(queueId === undefined ? {} : { queueId }),
      reason: `${reason}: ${detail}`,
      busSubject: message.subject,
      payload: Buffer.from(message.data).toString('base64'),
      at: new Date(context.clock.nowMs()).toISOString(),
    });
    metrics.corrupt.inc({ reason });
    corrupt(context.log, {
      ...(queueId === undefined ? {} : { queueId }),
      reason: `${reason}: ${detail}`,
      busSubject: message.subject,
      deliveries: message.deliveryCount,
    });
    message.ack();
    this.#failures.delete(recordKey(message));
  }
}

/** The records of a bundle share its sequence; a subject may stand in the stream twice. */
function recordKey(message: BusMessage): string {
  return `${message.sequence} ${message.subject}`;
}

function decode(message: BusMessage): TakenRecord | { readonly reason: string } {
  try {
    return { ...decodeIncomingRecord(message.data), incomingSequence: message.sequence };
  } catch (error) {
    // Translated into an outcome: the record goes to CORRUPT with this reason.
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

function backoffMs(times: number): number {
  return Math.min(retryMinimumMs * 2 ** Math.min(times - 1, 10), retryMaximumMs);
}
