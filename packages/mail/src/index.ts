/** Mail vocabulary and wire formats (RFC 5321, 5322, 3464), pure. */
export { applyEdits, createEditApplier, editedBytes } from './apply-edits.ts';
export type { EditApplier } from './apply-edits.ts';
export { BodyRef } from './body-ref.ts';
export { decodeLatin1, decodeUtf8, encodeLatin1, encodeUtf8 } from './bytes.ts';
export { DeliveryStatus } from './delivery-status.ts';
export { Disposition } from './disposition.ts';
export { ClientFacts, Envelope, EnvelopeRecipient, NotifyCondition, Settlement } from './envelope.ts';
export { HeaderEdit } from './header-edit.ts';
export { formatQueueId, queueIdHalfLimit, queueIdPattern, queueIdTimeMs } from './queue-id.ts';
