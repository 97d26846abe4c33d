/**
 * What a peer's word, or its silence, means for recipients: pure tables after Postfix smtp(8). A verdict with class 5 is final
 * at once; one of class 4 stands only when no other host is left to try.
 */
import type { DeliveryStatus, Disposition, Reply } from '@railpost/mail';
import type { RecipientResult as AgentResult } from '@railpost/runtime';
import type { ClientError, ClientPhase, RecipientResult } from '@railpost/smtp';
import {
  type Site,
  acceptedBy,
  authenticationRefused,
  refusedToTalk,
  saidBy,
  softened,
  statuses,
} from './statuses.ts';

/** The meaning of one answer. */
export interface Verdict {
  readonly disposition: Disposition;
  readonly status: DeliveryStatus;
  /** True when it says something about the host, not about this message: negative feedback for the destination. */
  readonly isSiteFault: boolean;
  /** Of a success: who tells the sender, if anybody asked. */
  readonly success?: AgentResult['success'];
}

/** A peer, and which protocol it is spoken to in. */
export interface Peer {
  readonly site: Site;
  readonly protocol: 'smtp' | 'lmtp';
  /** The peer announced DSN, so that NOTIFY went with the recipients. */
  readonly hasDsn?: boolean;
}

/** A status that is not a success, as a verdict. */
export function verdictOf(status: DeliveryStatus, isSiteFault: boolean): Verdict {
  return { disposition: status.code.startsWith('5') ? 'bounced' : 'deferred', status, isSiteFault };
}

/** The result of one recipient of a transaction. @throws the cause when our own content could not be read */
export function classifyRecipient(result: RecipientResult, peer: Peer): Verdict {
  switch (result.kind) {
    case 'replied':
      return classifyReply(result.phase, result.reply, peer);
    case 'failed':
      return classifyError(result.error, peer);
    case 'content-failed':
      throw result.cause;
  }
}

const commands = {
  mail: 'MAIL FROM command',
  rcpt: 'RCPT TO command',
  data: 'DATA command',
  dot: 'end of DATA command',
} as const;

function classifyReply(phase: keyof typeof commands, reply: Reply, peer: Peer): Verdict {
  const kind = Math.floor(reply.code / 100);
  if (kind === 2 && phase === 'dot')
    return {
      disposition: 'delivered',
      status: acceptedBy(peer.site, reply),
      isSiteFault: false,
      success: successOf(peer),
    };
  if (kind === 4 || kind === 5) return verdictOf(saidBy(peer.site, reply, commands[phase]), false);
  // Neither yes nor no: such a peer is not to be believed, and nothing is final.
  return verdictOf(statuses.protocolError(peer.site.text, doing(phase, peer)), true);
}

/** An LMTP server that does not speak of reports is the end of the way (Postfix with lmtp_assume_final = yes). */
function successOf(peer: Peer): NonNullable<AgentResult['success']> {
  if (peer.hasDsn === true) return 'passed-on';
  return peer.protocol === 'lmtp' ? 'delivered' : 'relayed';
}

/** A greeting that is not 2xx: try another host; never final (smtp_skip_5xx_greeting = yes). */
export function classifyGreeting(reply: Reply, peer: Peer): Verdict {
  return verdictOf(softened(refusedToTalk(peer.site, reply)), true);
}

/** A refused EHLO, HELO or LHLO. Final when the peer says so, as in Postfix. */
export function classifyHello(reply: Reply, peer: Peer): Verdict {
  return verdictOf(refusedToTalk(peer.site, reply), true);
}

/** A refused login; undefined = no mechanism in common. */
export function classifyAuthentication(reply: Reply | undefined, peer: Peer): Verdict {
  const status =
    reply === undefined ? statuses.noMechanism(peer.site.text) : authenticationRefused(peer.site, reply);
  return verdictOf(status, true);
}

/** The session broke down. */
export function classifyError(error: ClientError, peer: Peer): Verdict {
  return verdictOf(errorStatus(error, peer), true);
}

function errorStatus(error: ClientError, peer: Peer): DeliveryStatus {
  const where = peer.site.text;
  switch (error.code) {
    case 'CONNECT_FAILED':
      return statuses.connectFailed(peer.site.relay, error.message);
    case 'TLS_FAILED':
      return statuses.handshakeFailed(error.message);
    case 'PEER_UNTRUSTED':
      return statuses.peerUntrusted(error.message);
    case 'TIMEOUT':
      return error.phase === 'connect'
        ? statuses.connectFailed(peer.site.relay, error.message)
        : statuses.timedOut(where, doing(error.phase, peer));
    case 'CONNECTION_LOST':
      return statuses.lostConnection(where, doing(error.phase, peer));
    case 'PROTOCOL_ERROR':
      return statuses.protocolError(where, doing(error.phase, peer));
  }
}

const activities: Readonly<Record<ClientPhase, string>> = {
  connect: 'connecting',
  greeting: 'receiving the initial server greeting',
  hello: 'performing the EHLO handshake',
  starttls: 'sending the STARTTLS command',
  handshake: 'performing the TLS handshake',
  auth: 'performing SASL authentication',
  mail: 'sending MAIL FROM',
  rcpt: 'sending RCPT TO',
  data: 'sending DATA command',
  body: 'sending message body',
  dot: 'sending end of data -- message may be sent more than once',
  rset: 'sending RSET',
};

function doing(phase: ClientPhase, peer: Peer): string {
  return phase === 'hello' && peer.protocol === 'lmtp' ? 'performing the LHLO handshake' : activities[phase];
}
