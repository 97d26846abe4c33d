/**
 * Queue ids: sixteen characters of Postfix's long-id alphabet (enable_long_queue_ids), unique without coordination
 * and sortable by time. Eight characters of milliseconds since the epoch, eight of randomness (45 bits) or, for a
 * DSN, of a hash, so that the same report always has the same id (durability rule 6).
 */
const alphabet = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const base = alphabet.length;
const half = 8;

/** Largest value of one half of a queue id, exclusive: 52^8. */
export const queueIdHalfLimit: number = base ** half;

/** Matches exactly one queue id. */
export const queueIdPattern: RegExp = new RegExp(`^[${alphabet}]{16}$`);

/**
 * Builds a queue id.
 * @param timeMs milliseconds since the epoch
 * @param unique integer in 0..52^8-1: random, or derived from a hash
 */
export function formatQueueId(timeMs: number, unique: number): string {
  return encodeHalf(timeMs) + encodeHalf(unique);
}

/** Milliseconds since the epoch at which the id was made. @throws RangeError when `queueId` is not a queue id */
export function queueIdTimeMs(queueId: string): number {
  if (!queueIdPattern.test(queueId)) throw new RangeError('not a queue id');
  let value = 0;
  for (const character of queueId.slice(0, half)) value = value * base + alphabet.indexOf(character);
  return value;
}

/** Two digits of base 52 at once. */
const pairs: readonly string[] = Array.from(alphabet, (first) =>
  Array.from(alphabet, (second) => first + second),
).flat();

function encodeHalf(value: number): string {
  let rest = Math.floor(value) % queueIdHalfLimit;
  let text = '';
  for (let index = 0; index < half; index += 2) {
    const next = Math.floor(rest / pairs.length);
    text = (pairs[rest - next * pairs.length] ?? '') + text;
    rest = next;
  }
  return text;
}
