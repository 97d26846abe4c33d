/**
 * Delivery status notifications: multipart/report (RFC 6522) of a text for people, message/delivery-status for programs
 * (RFC 3464) and the message that it is about, with the `message/global` types when addresses need UTF-8 (RFC 6533).
 * Composes only what stands before and after the returned message, so that a body of any size streams through between.
 * Pure: time, ids and boundary are passed in, and equal facts give equal octets (durability rule 6).
 */
import { encodeUtf8 } from '../bytes.ts';
import type { DeliveryStatus } from '../delivery-status.ts';
import { isAscii } from '../rfc5321/command.ts';
import { decodeOriginalRecipient, decodeXtext } from '../rfc5321/xtext.ts';
import { formatDate } from '../rfc5322/date.ts';
import { foldField, wordsOf } from '../rfc5322/fold.ts';
import { formatReceived } from '../rfc5322/received.ts';
import { explanation } from './explanation.ts';

/** One recipient that the report is about. */
export interface ReportRecipient {
  /** The forward-path as the sender gave it. */
  readonly original: string;
  /** The address that delivery was tried to. */
  readonly final: string;
  /** ORCPT as received. */
  readonly orcpt?: string | undefined;
  readonly status: DeliveryStatus;
  /** Kind success: what became of the message for this recipient. */
  readonly action?: 'delivered' | 'relayed' | 'expanded' | undefined;
}

/** Everything a report says. Times in milliseconds since the epoch. */
export interface ReportFacts {
  readonly kind: 'failure' | 'delay' | 'success';
  /** Reporting MTA, and the domain of MAILER-DAEMON. */
  readonly hostname: string;
  /** Queue id and Message-ID of the report itself, and when it is made. */
  readonly queueId: string;
  readonly messageId: string;
  readonly timeMs: number;
  /** MIME boundary: characters of RFC 2046, at most 70, not in the returned content (the queue id and host make one). */
  readonly boundary: string;
  readonly original: {
    readonly queueId: string;
    readonly reversePath: string;
    readonly arrivalMs: number;
    /** Still xtext. */
    readonly envid?: string | undefined;
    readonly smtputf8: boolean;
    /** May hold octets above 127 (BODY=8BITMIME, or unknown). */
    readonly is8Bit: boolean;
  };
  readonly recipients: readonly ReportRecipient[];
  /** Kind delay: until when we go on trying. */
  readonly willRetryUntilMs?: number | undefined;
  /** `headers`: the caller streams the header section only (RET=HDRS). */
  readonly returned: 'full' | 'headers';
}

/** The octets around the returned content. */
export interface Report {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** Length of the report's own header section, the empty line included (`BodyRef.headerBytes`). */
  readonly headerBytes: number;
  /** The report itself needs SMTPUTF8. */
  readonly smtputf8: boolean;
  /** BODY of the report's own envelope. */
  readonly body: '7BIT' | '8BITMIME';
}

/** Composes a report. */
export function composeReport(facts: ReportFacts): Report {
  const isUtf8 = needsUtf8(facts);
  const is8Bit = isUtf8 || facts.original.is8Bit;
  const header = encodeReportText(headerOf(facts, isUtf8, is8Bit), isUtf8);
  const parts = encodeReportText(
    `This is a MIME-encapsulated message.\r\n\r\n${textPart(facts, isUtf8)}${statusPart(facts, isUtf8)}` +
      returnedPartHead(facts, isUtf8, is8Bit),
    isUtf8,
  );
  const before = new Uint8Array(header.length + parts.length);
  before.set(header);
  before.set(parts, header.length);
  return {
    before,
    after: encodeUtf8(`\r\n--${facts.boundary}--\r\n`),
    headerBytes: header.length,
    smtputf8: isUtf8,
    body: is8Bit ? '8BITMIME' : '7BIT',
  };
}

function needsUtf8(facts: ReportFacts): boolean {
  const addresses = facts.recipients.flatMap((each) => [each.final, each.original]);
  return facts.original.smtputf8 || ![facts.original.reversePath, ...addresses].every(isAscii);
}

/** Without SMTPUTF8 nothing beyond ASCII may leave: what a peer said in other characters becomes `?`. */
function encodeReportText(text: string, isUtf8: boolean): Uint8Array {
  return encodeUtf8(isUtf8 ? text : text.replace(/[^\u0000-\u007f]/gu, '?'));
}

const subjects = {
  failure: 'Undelivered Mail Returned to Sender',
  delay: 'Delayed Mail (still being retried)',
  success: 'Successful Mail Delivery Report',
} as const;

function headerOf(facts: ReportFacts, isUtf8: boolean, is8Bit: boolean): string {
  return [
    formatReceived({
      client: { helo: '', name: '', address: '', protocol: '' },
      hostname: facts.hostname,
      queueId: facts.queueId,
      timeMs: facts.timeMs,
    }).trimEnd(),
    `Date: ${formatDate(facts.timeMs)}`,
    `From: MAILER-DAEMON@${facts.hostname} (Mail Delivery System)`,
    `Subject: ${subjects[facts.kind]}`,
    `To: ${clean(facts.original.reversePath)}`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${isUtf8 ? 'global-delivery-status' : 'delivery-status'};`,
    `\tboundary="${facts.boundary}"`,
    ...(is8Bit ? ['Content-Transfer-Encoding: 8bit'] : []),
    `Message-Id: ${facts.messageId}`,
    '\r\n',
  ].join('\r\n');
}

function textPart(facts: ReportFacts, isUtf8: boolean): string {
  return [
    `--${facts.boundary}`,
    'Content-Description: Notification',
    `Content-Type: text/plain; charset=${isUtf8 ? 'utf-8' : 'us-ascii'}`,
    ...(isUtf8 ? ['Content-Transfer-Encoding: 8bit'] : []),
    '',
    ...explanation(facts),
    '',
  ].join('\r\n');
}

function statusPart(facts: ReportFacts, isUtf8: boolean): string {
  const envid = facts.original.envid === undefined ? undefined : decodeXtext(facts.original.envid);
  const { original } = facts;
  const perMessage = [
    `Reporting-MTA: dns; ${facts.hostname}\r\n`,
    envid === undefined ? '' : `Original-Envelope-Id: ${clean(envid)}\r\n`,
    `X-Railpost-Queue-ID: ${original.queueId}\r\n`,
    `X-Railpost-Sender: ${addressType(original.reversePath)}; ${clean(original.reversePath)}\r\n`,
    `Arrival-Date: ${formatDate(original.arrivalMs)}\r\n`,
  ];
  const head = [
    `--${facts.boundary}`,
    'Content-Description: Delivery report',
    `Content-Type: message/${isUtf8 ? 'global-delivery-status' : 'delivery-status'}`,
    ...(isUtf8 ? ['Content-Transfer-Encoding: 8bit'] : []),
    '\r\n',
  ].join('\r\n');
  return `${head}${perMessage.join('')}\r\n${facts.recipients.map((each) => `${perRecipient(each, facts)}\r\n`).join('')}`;
}

/** RFC 3464 section 2.3, in the order in which it lists the fields. */
function perRecipient(recipient: ReportRecipient, facts: ReportFacts): string {
  const { status } = recipient;
  const diagnostic = status.diagnostic ?? { type: 'x-railpost', text: status.text };
  const fields = [
    `Final-Recipient: ${addressType(recipient.final)}; ${clean(recipient.final)}\r\n`,
    `Original-Recipient: ${originalRecipient(recipient)}\r\n`,
    `Action: ${actionOf(recipient, facts)}\r\n`,
    `Status: ${status.code}\r\n`,
  ];
  if (status.remoteMta !== undefined) fields.push(`Remote-MTA: dns; ${clean(status.remoteMta)}\r\n`);
  fields.push(foldField('Diagnostic-Code', [`${diagnostic.type};`, ...wordsOf(diagnostic.text)]));
  if (facts.kind === 'delay' && facts.willRetryUntilMs !== undefined) {
    fields.push(`Will-Retry-Until: ${formatDate(facts.willRetryUntilMs)}\r\n`);
  }
  return fields.join('');
}

function actionOf({ action }: ReportRecipient, { kind }: ReportFacts): string {
  if (kind === 'success') return action ?? 'delivered';
  return kind === 'failure' ? 'failed' : 'delayed';
}

/** RFC 3461 section 6.3 (c): ORCPT in clear; without it the address that the sender used, as Postfix does. */
function originalRecipient(recipient: ReportRecipient): string {
  const decoded = recipient.orcpt === undefined ? undefined : decodeOriginalRecipient(recipient.orcpt);
  if (decoded === undefined) return `${addressType(recipient.original)};${clean(recipient.original)}`;
  return `${decoded.type};${clean(decoded.address)}`;
}

function addressType(address: string): 'rfc822' | 'utf-8' {
  return isAscii(address) ? 'rfc822' : 'utf-8';
}

const returnedContents = {
  failure: 'Undelivered Message',
  delay: 'Delayed Message',
  success: 'Message',
} as const;

function returnedPartHead(facts: ReportFacts, isUtf8: boolean, is8Bit: boolean): string {
  const isFull = facts.returned === 'full';
  const utf8Type = isFull ? 'message/global' : 'message/global-headers';
  const plainType = isFull ? 'message/rfc822' : 'text/rfc822-headers';
  return [
    `--${facts.boundary}`,
    `Content-Description: ${returnedContents[facts.kind]}${isFull ? '' : ' Headers'}`,
    `Content-Type: ${isUtf8 ? utf8Type : plainType}`,
    ...(is8Bit ? ['Content-Transfer-Encoding: 8bit'] : []),
    '\r\n',
  ].join('\r\n');
}

function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, '?');
}
