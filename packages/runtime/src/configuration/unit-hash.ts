/** The hash of a configuration unit, as the root names it. */
import { createHash } from 'node:crypto';

/** First 32 hex digits of the SHA-256. */
export function hashUnit(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
