/** Sizes (RFC 1870): what the client declares, and what it sends. */
import type { LimitSettings } from '@railpost/config';

/** True when `SIZE=` alone is reason to refuse. */
export function isDeclaredTooLarge(size: number | undefined, limits: LimitSettings): boolean {
  return size !== undefined && isTooLarge(size, limits);
}

/** True when so many octets of content are too many. */
export function isTooLarge(bytes: number, limits: LimitSettings): boolean {
  return limits.messageSizeBytes > 0 && bytes > limits.messageSizeBytes;
}
