/**
 * Queue ids as 32 bits: enough to ask whether the spool may hold a message. Two ids that share a hash (one in four thousand with a
 * million messages in the spool) make the journal keep an entry longer, nothing else.
 */
import { fnv1a } from '@railpost/contracts';

/** True when the ascending hashes contain the id's. */
export function mayContain(ascending: Uint32Array, queueId: string): boolean {
  const wanted = fnv1a(queueId);
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return ascending[low] === wanted;
}
