/**
 * Facts for one message: its header section (from the record, or from the spool when it was too large for the bus) and what
 * one snapshot of the configuration says of each recipient. Rejects with the spool's errors.
 */
import { hash } from 'node:crypto';
import type { ConfigSnapshot } from '@railpost/config';
import type { IncomingRecord } from '@railpost/contracts';
import type { SegmentReader } from '@railpost/spool';
import type { CleanupFacts } from './decide.ts';
import { completeAddress } from './stages/complete-addresses.ts';

/** Where facts come from. */
export interface FactSources {
  readonly snapshot: ConfigSnapshot;
  readonly reader: SegmentReader;
}

/** A decoded record as it came. */
export interface TakenRecord {
  readonly record: IncomingRecord;
  readonly headerSection: Uint8Array | undefined;
  readonly incomingSequence: number;
}

/** Gathers the facts. @throws BodyGoneError, ContentCorruptError, SpoolUnavailableError */
export async function gatherFacts(taken: TakenRecord, sources: FactSources): Promise<CleanupFacts> {
  const { envelope, body } = taken.record;
  const { snapshot } = sources;
  const headerSection = taken.headerSection ?? (await sources.reader.readRange(body, 0, body.headerBytes));
  const sender = completeAddress(envelope.reversePath, snapshot.platform.origin);
  return {
    headerSection,
    resolutions: envelope.recipients.map((recipient) =>
      snapshot.resolve(completeAddress(recipient.address, snapshot.platform.origin), sender),
    ),
    platform: snapshot.platform,
    incomingSequence: taken.incomingSequence,
    sha256Hex: (text) => hash('sha256', text),
  };
}
