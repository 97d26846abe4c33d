/**
 * Names of segments: `segment/<yyyy-mm-dd>/<time><random>`, made once and never reused (durability rule 2), sorting by time.
 * Nine digits of milliseconds since the epoch and sixteen of randomness (80 bits), in a 32-letter lower-case alphabet, so that a
 * file system without case keeps them apart. Survivors of segment X live in `X~1`, `X~2`, ... (rule 16).
 */
import { randomBytes } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const timeDigits = 9;
const randomDigits = 16;
const pattern = /^segment\/\d{4}-\d{2}-\d{2}\/([0-9a-hjkmnp-tv-z]{9})[0-9a-hjkmnp-tv-z]{16}(~\d+)?$/;

/** Prefix of all segments. */
export const segmentPrefix = 'segment/';

/** A new name. @param nowMs milliseconds since the epoch */
export function newSegmentKey(nowMs: number): string {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  let random = '';
  for (const octet of randomBytes(randomDigits)) random += alphabet.charAt(octet & 31);
  return `${segmentPrefix}${day}/${formatTime(nowMs)}${random}`;
}

/** When the segment was begun, in milliseconds since the epoch; undefined when `key` names no segment. */
export function segmentTimeMs(key: string): number | undefined {
  const digits = pattern.exec(key)?.[1];
  if (digits === undefined) return undefined;
  let value = 0;
  for (const digit of digits) value = value * 32 + alphabet.indexOf(digit);
  return value;
}

/**
 * A key that sorts before all segments begun at `timeMs` (milliseconds since the epoch) or later, and behind all earlier ones: where
 * an incremental listing goes on.
 */
export function segmentListingStart(timeMs: number): string {
  const floorMs = Math.max(0, timeMs);
  return `${segmentPrefix}${new Date(floorMs).toISOString().slice(0, 10)}/${formatTime(floorMs)}`;
}

/** The name of the next copy of a segment's survivors: `X~1` of `X`, `X~3` of `X~2`. */
export function nextSurvivorKey(key: string): string {
  return `${survivorPrefix(key)}${survivorNumber(key) + 1}`;
}

/** The prefix under which later copies of a segment's survivors stand. */
export function survivorPrefix(key: string): string {
  return `${key.replace(/~\d+$/, '')}~`;
}

/** Which copy a key is: 0 for X, n for `X~n`. */
export function survivorNumber(key: string): number {
  return Number(/~(\d+)$/.exec(key)?.[1] ?? 0);
}

function formatTime(nowMs: number): string {
  let rest = Math.floor(nowMs);
  let text = '';
  for (let index = 0; index < timeDigits; index += 1) {
    text = alphabet.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
