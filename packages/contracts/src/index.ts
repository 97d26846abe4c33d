/** What services say to each other: records, subjects, names. Services meet only here. */
export {
  ControlReply,
  ControlRequest,
  QueueName,
  QueueRow,
  ShardStatistics,
  knownQuestionLimit,
} from './control.ts';
export { CorruptRecord, salvageQueueIds } from './corrupt-record.ts';
export {
  DeferRecord,
  DeferState,
  deferHeader,
  formatDeferSummary,
  parseDeferSummary,
} from './defer-record.ts';
export type { DeferSummary } from './defer-record.ts';
export { DeliveryJob, JobRecipient, jobIdentity, runIdentity } from './delivery-job.ts';
export {
  DeliveryOutcome,
  OutcomeAcknowledgement,
  OutcomeFrame,
  RecipientOutcome,
  SuccessAction,
  Task,
  successReportOf,
} from './delivery-outcome.ts';
export type { AttemptResult } from './delivery-outcome.ts';
export {
  DispatchFrame,
  DispatchReply,
  DispatchedJob,
  EpochAnnouncement,
  Heartbeat,
  Phase,
} from './dispatch.ts';
export { encodeBundle, unbundle } from './bundle.ts';
export type { BundledRecord } from './bundle.ts';
export { decodeFrame, encodeFrame, encodeRecord, parseRecord } from './frame.ts';
export {
  IncomingRecord,
  RecipientHistory,
  decodeIncomingRecord,
  encodeIncomingHead,
  encodeIncomingRecord,
  encodeIncomingText,
  incomingRecordLimitBytes,
} from './incoming-record.ts';
export { JournalEntry, JournalKind, JournalObject, isTerminal, journalKey } from './journal-entry.ts';
export { HoldSet, allOriginals } from './hold-set.ts';
export { OriginalProgress, completesAlone, wholeOriginalRun } from './original-progress.ts';
export { KeeperReply, KeeperRequest, RecoveryReport, RepairReport } from './keeper-control.ts';
export {
  busNames,
  cleanupConsumer,
  destinationToken,
  fnv1a,
  queueManagerConsumer,
  shardOf,
} from './names.ts';
export type { BusNames } from './names.ts';
export { HostAndPort, NextHop, NextHopTls, destinationOf } from './next-hop.ts';
export type { Transport } from './next-hop.ts';
export { Presence, keeperLeaseKey, presenceKey, shardLeaseKey } from './presence.ts';
