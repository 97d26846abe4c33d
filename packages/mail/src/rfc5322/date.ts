/**
 * Dates as mail writes them (RFC 5322 section 3.3), always in UTC: pods have no local time, and Postfix's
 * zone comment stays for the eyes of those who compare.
 */
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Formats milliseconds since the epoch: `Sat, 21 Nov 2026 16:00:00 +0000 (UTC)`. */
export function formatDate(timeMs: number): string {
  const date = new Date(timeMs);
  const day = `${days[date.getUTCDay()]}, ${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  const [hours, minutes] = [twoDigits(date.getUTCHours()), twoDigits(date.getUTCMinutes())];
  return `${day} ${hours}:${minutes}:${twoDigits(date.getUTCSeconds())} +0000 (UTC)`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
