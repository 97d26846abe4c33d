/** Mail vocabulary and wire formats (RFC 5321, 5322, 3464), pure. */
export { applyEdits, createEditApplier, editedBytes } from './apply-edits.ts';
export type { EditApplier } from './apply-edits.ts';
export { BodyRef } from './body-ref.ts';
export { decodeLatin1, decodeUtf8, encodeLatin1, encodeUtf8, writeAscii } from './bytes.ts';
export { DeliveryStatus } from './delivery-status.ts';
export { Disposition } from './disposition.ts';
export { ClientFacts, Envelope, EnvelopeRecipient, NotifyCondition, Settlement } from './envelope.ts';
export { HeaderEdit } from './header-edit.ts';
export { formatQueueId, queueIdHalfLimit, queueIdPattern, queueIdTimeMs } from './queue-id.ts';

// RFC 5321: commands, paths, parameters, replies, transparency
export { asciiUpperCase, isAscii, parseCommandLine, trimWhiteSpace } from './rfc5321/command.ts';
export type { CommandLine } from './rfc5321/command.ts';
export {
  asciiLowerCase,
  formatAddress,
  isDotString,
  lowerCaseDomain,
  quoteLocalPart,
  splitAddress,
  splitRecipientDelimiter,
  unquoteLocalPart,
} from './rfc5321/address.ts';
export type { AddressParts } from './rfc5321/address.ts';
export { addressOfLiteral, isAddressLiteral, isDomainName, isIpv4, isIpv6 } from './rfc5321/domain.ts';
export { parseMailbox, parsePath, parsePathArgument } from './rfc5321/path.ts';
export type { MailPath, PathProblem, PathResult } from './rfc5321/path.ts';
export { parseMailParameters, parseRcptParameters } from './rfc5321/parameters.ts';
export type {
  MailParameters,
  ParameterProblem,
  ParametersResult,
  RcptParameters,
} from './rfc5321/parameters.ts';
export { decodeOriginalRecipient, decodeXtext, encodeXtext } from './rfc5321/xtext.ts';
export type { OriginalRecipient } from './rfc5321/xtext.ts';
export {
  ReplyReader,
  cleanText,
  formatReply,
  formatReplyText,
  parseReplyLine,
  replyLineLimitBytes,
} from './rfc5321/reply.ts';
export type { Reply, ReplyLine, ReplyProgress } from './rfc5321/reply.ts';
export {
  defaultEnhancedStatus,
  formatEnhancedStatus,
  parseEnhancedStatus,
  splitEnhancedText,
} from './rfc5321/enhanced-status.ts';
export type { EnhancedStatus } from './rfc5321/enhanced-status.ts';
export { DotEncoder } from './rfc5321/dot-stuffing.ts';

// RFC 5322: header sections and the fields that we write
export { HeaderEndFinder, fieldValue, parseHeaderSection } from './rfc5322/header-section.ts';
export type { HeaderField, HeaderSection } from './rfc5322/header-section.ts';
export { foldField, wordsOf } from './rfc5322/fold.ts';
export { formatDate } from './rfc5322/date.ts';
export { formatMessageId } from './rfc5322/message-id.ts';
export { formatReceived } from './rfc5322/received.ts';
export type { ReceivedFacts } from './rfc5322/received.ts';
export { locateAddresses } from './rfc5322/address-list.ts';
export type { LocatedAddress } from './rfc5322/address-list.ts';

// RFC 3464: delivery status notifications
export { composeReport } from './rfc3464/report.ts';
export type { Report, ReportFacts, ReportRecipient } from './rfc3464/report.ts';
