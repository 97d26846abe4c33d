/**
 * Every status that this service itself gives (RFC 3463 codes, Postfix's words); what a peer answered is put into words
 * here too, so that log line and DSN cannot disagree. Class 4 is deferred, class 5 bounced.
 */
import { type DeliveryStatus, type Reply, defaultEnhancedStatus, formatReplyText } from '@railpost/mail';

/** Symbol -> status. `site` is `host[address]`, as Postfix writes a peer. */
export const statuses = {
  connectFailed: (where: string, reason: string): DeliveryStatus => ({
    code: '4.4.1',
    text: `connect to ${where}: ${reason}`,
  }),
  lostConnection: (site: string, doing: string): DeliveryStatus => ({
    code: '4.4.2',
    text: `lost connection with ${site} while ${doing}`,
  }),
  timedOut: (site: string, doing: string): DeliveryStatus => ({
    code: '4.4.2',
    text: `conversation with ${site} timed out while ${doing}`,
  }),
  protocolError: (site: string, doing: string): DeliveryStatus => ({
    code: '4.5.0',
    text: `protocol error of ${site} while ${doing}`,
  }),
  nameServiceFailed: (name: string, type: string): DeliveryStatus => ({
    code: '4.4.3',
    text: `${nameServiceError(name, type)}: Host not found, try again`,
  }),
  hostNotFound: (name: string): DeliveryStatus => ({
    code: '5.4.4',
    text: `${nameServiceError(name, 'A')}: Host not found`,
  }),
  hostHasNoAddress: (name: string): DeliveryStatus => ({
    code: '5.4.4',
    text: `${nameServiceError(name, 'AAAA')}: Host found but no data record of requested type`,
  }),
  /** A next hop that an administrator named: its absence is our trouble, not the recipient's. */
  nextHopNotFound: (name: string): DeliveryStatus => ({
    code: '4.4.4',
    text: `next hop ${name} is not found by the name service`,
  }),
  nullMx: (domain: string): DeliveryStatus => ({
    code: '5.1.10',
    text: `Domain ${domain} does not accept mail (nullMX)`,
  }),
  loop: (destination: string): DeliveryStatus => ({
    code: '5.4.6',
    text: `mail for ${destination} loops back to myself`,
  }),
  /** A backup host greets with our name, while a better one exists. */
  loopAtBackup: (destination: string): DeliveryStatus => ({
    code: '4.4.6',
    text: `mail for ${destination} loops back to myself`,
  }),
  tlsNotOffered: (site: string): DeliveryStatus => ({
    code: '4.7.4',
    text: `TLS is required, but was not offered by host ${site}`,
  }),
  tlsRefused: (site: string, reply: Reply): DeliveryStatus => ({
    code: '4.7.4',
    text: `TLS is required, but host ${site} refused to start TLS: ${replyText(reply)}`,
  }),
  handshakeFailed: (reason: string): DeliveryStatus => ({
    code: '4.7.5',
    text: `Cannot start TLS: ${reason}`,
  }),
  peerUntrusted: (reason: string): DeliveryStatus => ({ code: '4.7.5', text: reason }),
  noMechanism: (site: string): DeliveryStatus => ({
    code: '4.7.0',
    text: `SASL authentication failed; cannot authenticate to server ${site}: no mechanism available`,
  }),
  secretMissing: (secret: string): DeliveryStatus => ({
    code: '4.3.5',
    text: `the Secret ${secret} of the next hop is missing or has not the keys it needs`,
  }),
  tooLarge: (sizeBytes: number, limitBytes: number, site: string): DeliveryStatus => ({
    code: '5.3.4',
    text: `message size ${sizeBytes} exceeds size limit ${limitBytes} of server ${site}`,
  }),
  smtpUtf8NotOffered: (site: string): DeliveryStatus => ({
    code: '5.6.7',
    text: `SMTPUTF8 is required, but was not offered by host ${site}`,
  }),
  unsendableSender: (): DeliveryStatus => ({ code: '5.1.7', text: 'bad sender address syntax' }),
  unsendableRecipient: (): DeliveryStatus => ({ code: '5.1.3', text: 'bad recipient address syntax' }),
} as const;

/** True for our own finding that a next hop is ourselves (not for a peer that says so). */
export function isLoop(status: DeliveryStatus): boolean {
  return status.code === statuses.loop('').code && status.remoteMta === undefined;
}

function nameServiceError(name: string, type: string): string {
  return `Host or domain name not found. Name service error for name=${name} type=${type}`;
}

/** What a peer says goes into records of the bus and into DSNs: a line, not an essay. */
function replyText(reply: Reply): string {
  return formatReplyText(reply).slice(0, 1000);
}

/** A peer that one speaks to: its name, and `host[address]` as it stands in texts. */
export interface Site {
  readonly host: string;
  readonly text: string;
  /** `host[address]:port`, as it stands in `relay=`. */
  readonly relay: string;
}

/** The peer took the message. */
export function acceptedBy(site: Site, reply: Reply): DeliveryStatus {
  return { ...peerStatus(site, reply), text: replyText(reply) };
}

/** The peer said no to a command of a transaction. */
export function saidBy(site: Site, reply: Reply, command: string): DeliveryStatus {
  const text = `host ${site.text} said: ${replyText(reply)} (in reply to ${command})`;
  return { ...peerStatus(site, reply), text };
}

/** The peer would not talk to us at all. */
export function refusedToTalk(site: Site, reply: Reply): DeliveryStatus {
  const text = `host ${site.text} refused to talk to me: ${replyText(reply)}`;
  return { ...peerStatus(site, reply), text };
}

/** The peer did not take our login. Always transient: a wrong password is ours to mend (smtp_sasl_auth_soft_bounce). */
export function authenticationRefused(site: Site, reply: Reply): DeliveryStatus {
  const text = `SASL authentication failed; server ${site.text} said: ${replyText(reply)}`;
  return softened({ ...peerStatus(site, reply), text });
}

/** The same status as a transient one (smtp_skip_5xx_greeting). */
export function softened(status: DeliveryStatus): DeliveryStatus {
  return { ...status, code: `4${status.code.slice(1)}` };
}

function peerStatus(site: Site, reply: Reply): Omit<DeliveryStatus, 'text'> {
  return {
    code: reply.enhanced ?? defaultEnhancedStatus(reply.code),
    diagnostic: { type: 'smtp', text: replyText(reply) },
    remoteMta: site.host,
  };
}
