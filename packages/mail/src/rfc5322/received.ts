/**
 * The Received field (RFC 5321 section 4.4) in Postfix's layout, which log readers and spam filters know by heart.
 * A client without address is none: the message is our own, and the field says only where and when.
 * What the client chose (HELO name, login) cannot leave its place: specials and controls become `?`.
 */
import type { ClientFacts } from '../envelope.ts';
import { formatDate } from './date.ts';

/** What the field says. */
export interface ReceivedFacts {
  readonly client: Pick<ClientFacts, 'helo' | 'name' | 'address' | 'protocol' | 'tls' | 'login'>;
  /** Our host name. */
  readonly hostname: string;
  readonly queueId: string;
  /** The recipient, when there is exactly one (more would tell each of the others). Canonical address. */
  readonly recipient?: string | undefined;
  /** Name the authenticated user (Postfix smtpd_sasl_authenticated_header, default no: it is the user's login). */
  readonly showLogin?: boolean;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
}

/** Builds the whole field, CRLF line ends, continuation lines starting with a tab. */
export function formatReceived(facts: ReceivedFacts): string {
  const { client } = facts;
  if (client.address === '') return formatLocalReceived(facts);
  const lines = [
    `Received: from ${neuter(client.helo)} (${neuter(client.name)} [${literal(client.address)}])`,
  ];
  if (client.tls !== undefined) {
    lines.push(`\t(using ${neuter(client.tls.protocol)} with cipher ${neuter(client.tls.cipher)})`);
  }
  if (facts.showLogin === true && client.login !== undefined) {
    lines.push(`\t(Authenticated sender: ${neuterComment(client.login)})`);
  }
  const by = `\tby ${facts.hostname} (Railpost) with ${client.protocol} id ${facts.queueId}`;
  const date = formatDate(facts.timeMs);
  if (facts.recipient === undefined) lines.push(`${by}; ${date}`);
  else lines.push(by, `\tfor <${facts.recipient.replace(/[\u0000-\u001f\u007f]/g, '?')}>; ${date}`);
  return `${lines.join('\r\n')}\r\n`;
}

/** Mail that we made ourselves has no client to name. */
function formatLocalReceived(facts: ReceivedFacts): string {
  return `Received: by ${facts.hostname} (Railpost)\r\n\tid ${facts.queueId}; ${formatDate(facts.timeMs)}\r\n`;
}

/** RFC 5321 section 4.1.3: IPv6 addresses carry a tag. */
function literal(address: string): string {
  return address.includes(':') ? `IPv6:${address}` : address;
}

/** As Postfix neuters a HELO name: white space, quotes and the specials that could end or open something. */
function neuter(text: string): string {
  return text === '' ? 'unknown' : text.replace(/[\u0000- \u007f<>()\\";@]/g, '?');
}

function neuterComment(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f()\\]/g, '?');
}
