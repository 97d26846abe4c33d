/** The spool of record: object stores, segments of accepted messages, the completion journal. */
export {
  BodyGoneError,
  ConditionalWriteError,
  ContentCorruptError,
  ObjectMissingError,
  SpoolError,
  SpoolLocationError,
  SpoolUnavailableError,
} from './errors.ts';
export type { WriteEffect } from './errors.ts';
export type { CreateResult, ListedObject, ObjectRange, ObjectStore, ObjectUpload } from './object-store.ts';
export { checkConditionalWrites, openObjectStore } from './open-object-store.ts';
export { folderOf, readDiskRoom } from './disk-room.ts';
export type { DiskRoom } from './disk-room.ts';
export {
  createGeneration,
  currentGeneration,
  highestGeneration,
  isGenerationCurrent,
  markRecovered,
  newestGeneration,
  readGenerationState,
} from './generation.ts';
export type { GenerationState } from './generation.ts';
export { readPositions, recordPositions } from './stream-positions.ts';
export type { StreamPositions } from './stream-positions.ts';
export { journalPrefix } from './journal-format.ts';
export { compactJournal } from './journal-compaction.ts';
export type { JournalCompactionOptions, JournalCompactionResult } from './journal-compaction.ts';
export { rollUpJournal } from './journal-roll-up.ts';
export type { JournalRollUpOptions, JournalRollUpResult } from './journal-roll-up.ts';
export { openJournalWriter } from './journal-writer.ts';
export type { JournalOwner, JournalWriter, JournalWriterOptions } from './journal-writer.ts';
export { openJournalTail } from './journal-tail.ts';
export type { JournalProgress, JournalTail } from './journal-tail.ts';
export { isJournalObjectIntact, loadJournal } from './load-journal.ts';
export type { JournalDamage, JournalSelection } from './load-journal.ts';
export { readSegment } from './segment-format.ts';
export type { SegmentRecord } from './segment-format.ts';
export { readSettlements } from './settlements.ts';
export { segmentListingStart, segmentPrefix, segmentTimeMs } from './segment-key.ts';
export { openSegmentReader } from './segment-reader.ts';
export type { SegmentReader, SpooledContent } from './segment-reader.ts';
export { openSegmentWriter } from './segment-writer.ts';
export type { SegmentWriter, SegmentWriterOptions } from './segment-writer.ts';
export { copySurvivors } from './survivors.ts';
export type { SurvivorCopy } from './survivors.ts';
export type { RecordWriter } from './record-writer.ts';
