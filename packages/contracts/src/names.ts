/**
 * Every name on the bus: streams, consumers, buckets, subjects. One place, so that two platforms (or parallel tests)
 * share a NATS server by prefix, and so that account permissions can be generated.
 * No token ever holds a raw address or domain: `.`, `*`, `>`, `/`, `\` and spaces are illegal in NATS names.
 */

/** Name of the durable consumer of rp_INCOMING, shared by all cleanup processes. */
export const cleanupConsumer = 'cleanup';
/** Name of the durable consumer of each rp_ACTIVE_s, used by the shard's owner. */
export const queueManagerConsumer = 'queue-manager';

/** All names of one platform. */
export interface BusNames {
  readonly prefix: string;
  readonly incomingStream: string;
  readonly corruptStream: string;
  readonly leaseBucket: string;
  readonly configurationBucket: string;
  activeStream(shard: number): string;
  deferStream(shard: number): string;
  incomingSubject(queueId: string): string;
  corruptSubject(id: string): string;
  activeSubject(shard: number, destination: string, jobId: string): string;
  deferSubject(shard: number, destination: string, jobId: string): string;
  epochSubject(shard: number): string;
  /** Dispatch requests, one queue group per transport (`smtp`, `lmtp`, `mailbox`, `bounce`). */
  agentSubject(transport: string): string;
  outcomeSubject(shard: number): string;
  heartbeatSubject(shard: number): string;
  /** A new owner announces its epoch here (durability rule 3). */
  epochAnnouncementSubject(shard: number): string;
  /** Announcements of all shards, for subscribers. */
  readonly allEpochAnnouncements: string;
  controlSubject(shard: number): string;
  /** Control of the active keeper of the spool. */
  readonly keeperControlSubject: string;
}

/** Builds the names of the platform with the given prefix (`rp` by default): letters, digits and `-` only. */
export function busNames(prefix = 'rp'): BusNames {
  if (!/^[A-Za-z0-9-]+$/.test(prefix))
    throw new RangeError(`bus prefix "${prefix}" has characters other than letters, digits and -`);
  const tokens = new DestinationTokens();
  return {
    prefix,
    incomingStream: `${prefix}_INCOMING`,
    corruptStream: `${prefix}_CORRUPT`,
    leaseBucket: `${prefix}_lease`,
    configurationBucket: `${prefix}_conf`,
    activeStream: (shard) => `${prefix}_ACTIVE_${shard}`,
    deferStream: (shard) => `${prefix}_DEFER_${shard}`,
    incomingSubject: (queueId) => `${prefix}.in.${queueId}`,
    corruptSubject: (id) => `${prefix}.bad.${id}`,
    activeSubject: (shard, destination, jobId) => `${prefix}.act.${shard}.${tokens.of(destination)}.${jobId}`,
    deferSubject: (shard, destination, jobId) => `${prefix}.def.${shard}.${tokens.of(destination)}.${jobId}`,
    epochSubject: (shard) => `${prefix}.def.${shard}._epoch`,
    agentSubject: (transport) => `${prefix}.agent.${transport}`,
    outcomeSubject: (shard) => `${prefix}.shard.${shard}.outcome`,
    heartbeatSubject: (shard) => `${prefix}.shard.${shard}.heartbeat`,
    epochAnnouncementSubject: (shard) => `${prefix}.shard.${shard}.epoch`,
    allEpochAnnouncements: `${prefix}.shard.*.epoch`,
    controlSubject: (shard) => `${prefix}.shard.${shard}.ctl`,
    keeperControlSubject: `${prefix}.keeper.ctl`,
  };
}

/** Remembers the tokens of the destinations of late: most mail goes where mail went a moment ago. */
class DestinationTokens {
  readonly #known = new Map<string, string>();

  of(destination: string): string {
    const known = this.#known.get(destination);
    if (known !== undefined) return known;
    if (this.#known.size >= rememberedTokens) this.#known.clear();
    const token = destinationToken(destination);
    this.#known.set(destination, token);
    return token;
  }
}

const rememberedTokens = 4096;

/**
 * Escapes a destination (`smtp:partner.test`, `smtp:[127.0.0.1]:2526`) into one subject token: lower-case letters,
 * digits and `-` stay, every other UTF-16 code unit becomes `_` and four hex digits. Never equal to `_epoch`.
 * Destinations longer than 100 characters keep their first 80 and end in a hash.
 */
export function destinationToken(destination: string): string {
  const short =
    destination.length <= 100
      ? destination
      : `${destination.slice(0, 80)}~${fnv1a(destination).toString(16)}`;
  return short
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The shard of a destination: hash(destination) mod `shards`. */
export function shardOf(destination: string, shards: number): number {
  return fnv1a(destination) % shards;
}

/** FNV-1a of the UTF-16 code units, 32 bits without a sign. Shards are chosen by it, so it stays as it is. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
