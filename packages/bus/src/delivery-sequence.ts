/**
 * What the reply subject of a message from a JetStream consumer says of its place, read from the octets:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>`, or with a domain and an account's hash
 * before the stream, and perhaps a token behind (ADR-15 of the NATS project).
 */

/** Place of a message in its stream and in what its consumer delivered. */
export interface Delivery {
  readonly streamSequence: number;
  readonly consumerSequence: number;
}

const dot = 0x2e;
const zero = 0x30;
const shortTokens = 9;

/**
 * Reads the place of a message. @param start where the subject begins in `octets`
 * @throws TypeError when it is no such subject
 */
export function deliveryOf(octets: Uint8Array, start = 0, end = octets.length): Delivery {
  let dots = 0;
  // Not `for of`: asked a million times in a row, an iterator is dear.
  for (let index = start; index < end; index += 1) if (octets[index] === dot) dots += 1;
  if (dots < shortTokens - 1) throw new TypeError('not a message of a consumer');
  let toSkip = dots === shortTokens - 1 ? 5 : 7;
  let position = start;
  for (; toSkip > 0; position += 1) if (octets[position] === dot) toSkip -= 1;
  const streamSequence = numberAt(octets, position);
  while (octets[position] !== dot) position += 1;
  return { streamSequence, consumerSequence: numberAt(octets, position + 1) };
}

/** The digits up to the next dot. */
function numberAt(octets: Uint8Array, start: number): number {
  let value = 0;
  for (let position = start; position < octets.length; position += 1) {
    const octet = octets[position] ?? dot;
    if (octet === dot) return value;
    if (octet < zero || octet > zero + 9) throw new TypeError('not a message of a consumer');
    value = value * 10 + (octet - zero);
  }
  return value;
}
