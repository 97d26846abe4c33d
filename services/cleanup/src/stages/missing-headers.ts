/**
 * Adds what a message needs and lacks (row B1), in Postfix's order and layout, behind the fields that are there: Message-Id,
 * Date, From, or their Resent- forms once a Resent- field stands in the message, and a To when no recipient is visible.
 * Everything derives from the envelope, so that a repetition adds the same. Pure.
 */
import { type HeaderSection, formatDate, formatMessageId } from '@railpost/mail';

/** Facts for the added fields. */
export interface MissingHeaderFacts {
  readonly queueId: string;
  readonly hostname: string;
  /** Complete; empty for the null reverse-path. */
  readonly reversePath: string;
  /** When we took responsibility, milliseconds since the epoch. */
  readonly receivedAtMs: number;
}

/** What is to be added. */
export interface MissingHeaders {
  /** Whole fields with CRLF; may be empty. */
  readonly text: string;
  /** The Message-ID that was added (not a Resent- one). */
  readonly messageId: string | undefined;
}

/** Fields that make a message a resent one (RFC 5322 section 3.6.6, and Reply-To of RFC 822), as Postfix knows them. */
const resentFields = ['bcc', 'cc', 'date', 'from', 'message-id', 'reply-to', 'sender', 'to'].map(
  (name) => `resent-${name}`,
);

const visibleRecipients = ['to', 'cc', 'resent-to', 'resent-cc'];

/** Composes the missing fields. */
export function missingHeaders(section: HeaderSection, facts: MissingHeaderFacts): MissingHeaders {
  const names = new Set(section.fields.map((field) => field.name));
  const resent = resentFields.some((name) => names.has(name)) ? 'Resent-' : '';
  const has = (name: string) => names.has(resent.toLowerCase() + name);
  const id = formatMessageId(facts.receivedAtMs, facts.queueId, facts.hostname);
  let text = '';
  if (!has('message-id')) text += `${resent}Message-Id: ${id}\r\n`;
  if (!has('date')) text += `${resent}Date: ${formatDate(facts.receivedAtMs)}\r\n`;
  // Postfix names MAILER-DAEMON where there is no reverse-path.
  if (!has('from'))
    text += `${resent}From: ${facts.reversePath === '' ? 'MAILER-DAEMON' : facts.reversePath}\r\n`;
  if (!visibleRecipients.some((name) => names.has(name))) text += 'To: undisclosed-recipients:;\r\n';
  return { text, messageId: resent === '' && !has('message-id') ? id : undefined };
}
