/**
 * What keeps us from taking mail, as a table: part, reply, words, and what to do about it. Pure. Asked at DATA and the first BDAT, and once
 * more before anything is written (durability rule 1); all of it ends by itself when its cause does.
 */
import { type StatusName, replyText } from '../statuses.ts';

/** What may be out of order: the label `part` of railpost_outage. */
export const outageParts = ['nats', 'spool', 'disk', 'queue'] as const;
export type OutagePart = (typeof outageParts)[number];

/** One outage. */
export interface Outage {
  readonly part: OutagePart;
  /** What clients hear. */
  readonly status: StatusName;
  /** What is wrong, in words. */
  readonly reason: string;
}

/** What is known when the question is asked. */
export interface IntakeFacts {
  /** Of the bus's health. */
  readonly busProblems: readonly string[];
  /** Milliseconds since JetStream last answered. */
  readonly jetstreamAgeMs: number;
  readonly hasStreams: boolean;
  /** Messages that are in the spool while their INCOMING record is not acknowledged in time. */
  readonly latePublishes: number;
  readonly fullStreams: readonly string[];
  readonly queuedMessages: number;
  /** 0: no limit. */
  readonly queueLimit: number;
  /** Why the spool takes no writes. */
  readonly spoolProblem: string | undefined;
  /** Which volume is short of room. */
  readonly diskProblem: string | undefined;
}

/** JetStream is looked at every 2 s; two looks without an answer are an outage. */
const jetstreamSilenceMs = 5000;

/** The outage that counts, or undefined: mail is taken. */
export function findOutage(facts: IntakeFacts): Outage | undefined {
  const nats = natsReason(facts);
  if (nats !== undefined) return { part: 'nats', status: 'busUnavailable', reason: nats };
  if (facts.spoolProblem !== undefined)
    return { part: 'spool', status: 'spoolUnavailable', reason: facts.spoolProblem };
  if (facts.diskProblem !== undefined)
    return { part: 'disk', status: 'queueFull', reason: facts.diskProblem };
  const queue = queueReason(facts);
  return queue === undefined ? undefined : { part: 'queue', status: 'queueFull', reason: queue };
}

function natsReason(facts: IntakeFacts): string | undefined {
  if (facts.busProblems.length > 0) return facts.busProblems.join('; ');
  if (facts.jetstreamAgeMs > jetstreamSilenceMs) return 'JetStream does not answer';
  if (!facts.hasStreams) return "the platform's streams do not exist";
  const { latePublishes } = facts;
  return latePublishes > 0 ? `${latePublishes} publishes are not acknowledged` : undefined;
}

function queueReason({ fullStreams, queuedMessages, queueLimit }: IntakeFacts): string | undefined {
  if (fullStreams.length > 0) return `full: ${fullStreams.join(', ')}`;
  if (queueLimit === 0 || queuedMessages < queueLimit) return undefined;
  return `${queuedMessages} messages and jobs are queued, the limit is ${queueLimit}`;
}

const advice: Readonly<Record<OutagePart, string>> = {
  nats: 'start or mend nats-server, see its log',
  spool: 'mend the object storage or the folder of --spool',
  disk: 'free space on that volume, or lower --disk-reserve',
  queue:
    'see what waits: railpost queue list; raise --queue-limit or the max-bytes settings of queue-manager',
};

/** One sentence for health details and `railpost status`: what clients hear, why, what to do. */
export function describeOutage({ part, status, reason }: Outage): string {
  const heard = replyText(status).split(' ').slice(0, 2).join(' ');
  return `no mail is taken (${heard}), ${part}: ${reason}; ${advice[part]}; mail is taken again by itself`;
}
