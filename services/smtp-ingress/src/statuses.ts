/**
 * Every reply of this service: symbol -> reply code, enhanced status code (RFC 3463), text. The only place with codes; codes and
 * texts are those of Postfix 3.11's smtpd(8) and cleanup(8) unless a comment says why not. `{name}` is filled in by the caller.
 * Replies to EHLO, HELO and the greeting carry no enhanced code (RFC 2034 section 4).
 */
import { formatReply } from '@railpost/mail';

/** One row of the table. */
export interface Status {
  readonly code: number;
  readonly enhanced: string | undefined;
  readonly text: string;
}

function row(code: number, enhanced: string | undefined, text: string): Status {
  return { code, enhanced, text };
}

/** The table. */
export const statuses = {
  // Session
  greeting: row(220, undefined, '{hostname} ESMTP Railpost'),
  hello: row(250, undefined, '{hostname}'),
  bye: row(221, '2.0.0', 'Bye'),
  ok: row(250, '2.0.0', 'Ok'),
  help: row(214, '2.0.0', 'Commands: {commands}'),
  readyForTls: row(220, '2.0.0', 'Ready to start TLS'),
  networkDenied: row(554, '5.7.1', '<{client}>: Client host rejected: Access denied'),
  tooManyConnections: row(421, '4.7.0', '{hostname} Error: too many connections from {address}'),
  draining: row(421, '4.3.2', '{hostname} Service shutting down, try again later'),
  timeout: row(421, '4.4.2', '{hostname} Error: timeout exceeded'),
  tooManyErrors: row(421, '4.7.0', '{hostname} Error: too many errors'),
  notSmtp: row(221, '2.7.0', 'Error: I can break rules, too. Goodbye.'),
  synchronization: row(554, '5.5.0', 'Error: SMTP protocol synchronization'),
  sessionFault: row(421, '4.3.0', '{hostname} Error: internal error, try again later'),

  // Syntax and order of commands
  badSyntax: row(500, '5.5.2', 'Error: bad syntax'),
  badUtf8: row(500, '5.5.2', 'Error: bad UTF-8 syntax'),
  // Postfix truncates; a command that is cut could mean something else.
  lineTooLong: row(500, '5.5.2', 'Error: command line too long'),
  nul: row(500, '5.5.2', 'Error: NUL in command'),
  unknownCommand: row(500, '5.5.2', 'Error: command not recognized'),
  commandFault: row(451, '4.3.0', 'Error: internal error, try again later'),
  ehloSyntax: row(501, undefined, 'Syntax: EHLO hostname'),
  heloSyntax: row(501, undefined, 'Syntax: HELO hostname'),
  mailSyntax: row(501, '5.5.4', 'Syntax: MAIL FROM:<address>'),
  rcptSyntax: row(501, '5.5.4', 'Syntax: RCPT TO:<address>'),
  dataSyntax: row(501, '5.5.4', 'Syntax: DATA'),
  rsetSyntax: row(501, '5.5.4', 'Syntax: RSET'),
  vrfySyntax: row(501, '5.5.4', 'Syntax: VRFY address [SMTPUTF8]'),
  startTlsSyntax: row(501, '5.5.4', 'Syntax: STARTTLS'),
  authSyntax: row(501, '5.5.4', 'Syntax: AUTH mechanism'),
  // 521 closes: where the chunk would end is unknown, so what follows cannot be told from commands.
  bdatSyntax: row(521, '5.5.4', 'Syntax: BDAT count [LAST]'),
  bdatNotOffered: row(521, '5.5.1', 'Error: command not implemented'),
  nestedMail: row(503, '5.5.1', 'Error: nested MAIL command'),
  mailAfterBdat: row(503, '5.5.1', 'Error: MAIL after BDAT'),
  needMail: row(503, '5.5.1', 'Error: need MAIL command'),
  needRcpt: row(503, '5.5.1', 'Error: need RCPT command'),
  rcptAfterBdat: row(503, '5.5.1', 'Error: RCPT after BDAT'),
  dataAfterBdat: row(503, '5.5.1', 'Error: DATA after BDAT'),
  transactionInProgress: row(503, '5.5.1', 'Error: MAIL transaction in progress'),
  noValidRecipients: row(554, '5.5.1', 'Error: no valid recipients'),

  // TLS and AUTH
  needStartTls: row(530, '5.7.0', 'Must issue a STARTTLS command first'),
  needAuthentication: row(530, '5.7.0', 'Authentication required'),
  tlsActive: row(554, '5.5.1', 'Error: TLS already active'),
  tlsNotOffered: row(502, '5.5.1', 'Error: command not implemented'),
  authNotEnabled: row(503, '5.5.1', 'Error: authentication not enabled'),
  needEhlo: row(503, '5.5.1', 'Error: send HELO/EHLO first'),
  alreadyAuthenticated: row(503, '5.5.1', 'Error: already authenticated'),
  authContinue: row(334, undefined, '{challenge}'),
  authenticated: row(235, '2.7.0', 'Authentication successful'),
  authFailed: row(535, '5.7.8', 'Error: authentication failed'),
  authAborted: row(501, '5.7.0', 'Authentication aborted'),
  // RFC 4954 section 4 names these two; Postfix answers 535 in the words of its SASL library.
  authNotBase64: row(535, '5.7.8', 'Error: authentication failed: Invalid base64 data'),
  authMechanism: row(535, '5.7.8', 'Error: authentication failed: Invalid authentication mechanism'),
  authTooLong: row(500, '5.5.6', 'SASL response limit exceeded'),
  authBusy: row(454, '4.7.0', 'Temporary authentication failure: too many logins in progress'),

  // MAIL
  senderOk: row(250, '2.1.0', 'Ok'),
  badSender: row(501, '5.1.7', 'Bad sender address syntax'),
  badSize: row(501, '5.5.4', 'Bad message size syntax'),
  badAuthParameter: row(501, '5.5.4', 'Bad AUTH parameter syntax'),
  badRet: row(501, '5.5.4', 'Bad RET parameter syntax'),
  badEnvid: row(501, '5.5.4', 'Bad ENVID parameter syntax'),
  unsupportedOption: row(555, '5.5.4', 'Unsupported option: {option}'),
  dsnDisabled: row(501, '5.7.1', 'DSN support is disabled'),
  sizeExceeds: row(552, '5.3.4', 'Message size exceeds fixed limit'),

  // RCPT and VRFY
  recipientOk: row(250, '2.1.5', 'Ok'),
  badRecipient: row(501, '5.1.3', 'Bad recipient address syntax'),
  badNotify: row(501, '5.5.4', 'Error: Bad NOTIFY parameter syntax'),
  badOrcpt: row(501, '5.5.4', 'Error: Bad ORCPT parameter syntax'),
  tooManyRecipients: row(452, '4.5.3', 'Error: too many recipients'),
  relayDenied: row(554, '5.7.1', '<{address}>: Relay access denied'),
  unknownUser: row(550, '5.1.1', '<{address}>: Recipient address rejected: User unknown'),
  mailboxDisabled: row(550, '5.2.1', '<{address}>: Recipient address rejected: Mailbox disabled'),
  // The enhanced code and the words are those of the route (NextHop error, retry).
  routeRefuses: row(550, undefined, '<{address}>: Recipient address rejected: {reason}'),
  routeDefers: row(450, undefined, '<{address}>: Recipient address rejected: {reason}'),
  verified: row(252, '2.0.0', '{address}'),

  // DATA, BDAT, accepting
  startData: row(354, undefined, 'End data with <CR><LF>.<CR><LF>'),
  queued: row(250, '2.0.0', 'Ok: queued as {queueId}'),
  chunkTaken: row(250, '2.0.0', 'Ok: {bytes} bytes'),
  chunksQueued: row(250, '2.0.0', 'Ok: {bytes} bytes queued as {queueId}'),
  nullChunk: row(551, '5.7.1', 'Null BDAT request'),
  chunkDiscarded: row(551, '5.0.0', 'Discarded {bytes} bytes after earlier error'),
  chunkTooLarge: row(552, '5.3.4', 'Chunk exceeds message size limit'),
  messageTooLarge: row(552, '5.3.4', 'Error: message file too big'),
  headerTooLarge: row(552, '5.3.4', 'Error: header section too big'),
  bareLineFeed: row(550, '5.5.2', '{hostname} Error: bare <LF> received'),
  tooManyHops: row(554, '5.4.0', 'Error: too many hops'),
  spoolUnavailable: row(451, '4.3.0', 'Error: queue file write error'),
  busUnavailable: row(451, '4.3.0', 'Error: mail queue unavailable, try again later'),
  queueFull: row(452, '4.3.1', 'Insufficient system storage'),
} as const satisfies Record<string, Status>;

/** Name of a row. */
export type StatusName = keyof typeof statuses;

/** What fills `{name}` in a text. */
export type StatusValues = Readonly<Record<string, string | number>>;

const fixed = new Map<StatusName, string>();

/** The reply of a row as it goes over the wire. */
export function reply(name: StatusName, values?: StatusValues): string {
  if (values !== undefined) return formatReply(...partsOf(name, values));
  const known = fixed.get(name);
  if (known !== undefined) return known;
  const made = formatReply(...partsOf(name, {}));
  fixed.set(name, made);
  return made;
}

/** The reply as one line for logs: `550 5.1.1 <x@y.test>: Recipient address rejected: User unknown`. */
export function replyText(name: StatusName, values: StatusValues = {}): string {
  const [code, enhanced, text] = partsOf(name, values);
  return enhanced === undefined ? `${code} ${text}` : `${code} ${enhanced} ${text}`;
}

/** `values.enhanced` stands in for a row without a code of its own. */
function partsOf(name: StatusName, values: StatusValues): [number, string | undefined, string] {
  const status: Status = statuses[name];
  const { enhanced } = values;
  const code = status.enhanced ?? (enhanced === undefined ? undefined : String(enhanced));
  return [status.code, code, fill(status.text, values)];
}

/** Texts cut at their names: every second piece is one. */
const cut = new Map<string, readonly string[]>();

function fill(text: string, values: StatusValues): string {
  let pieces = cut.get(text);
  if (pieces === undefined) {
    pieces = text.split(/\{(\w+)\}/);
    cut.set(text, pieces);
  }
  let filled = pieces[0] ?? '';
  for (let index = 1; index < pieces.length; index += 2)
    filled += String(values[pieces[index] ?? ''] ?? '') + (pieces[index + 1] ?? '');
  return filled;
}

/** The multi-line reply to EHLO. */
export function ehloReply(hostname: string, keywords: readonly string[]): string {
  return formatReply(statuses.hello.code, undefined, [hostname, ...keywords]);
}
