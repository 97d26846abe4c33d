/**
 * Domain names and address literals as they stand in paths (RFC 5321 section 4.1.2 and 4.1.3, RFC 6531). Checks form
 * only, nothing is looked up. As Postfix: underscores pass, names that are all digits and dots do not.
 */

/** Matches one label: letters, digits, `-` inside, `_`, and anything beyond ASCII (U-labels are left to IDNA). */
const label =
  /^[A-Za-z0-9_\u0080-\u{10ffff}](?:[A-Za-z0-9_\u0080-\u{10ffff}-]*[A-Za-z0-9_\u0080-\u{10ffff}])?$/u;

/** True for a host or domain name without trailing dot: labels of 1..63 characters, at most 255 in all. */
export function isDomainName(text: string): boolean {
  if (text.length > 255 || /^[0-9.]*$/.test(text)) return false;
  return text.split('.').every((each) => each.length <= 63 && label.test(each));
}

/** True for `[192.0.2.1]`, `[IPv6:2001:db8::1]`. Postfix takes no other literal, so general ones (`[tag:x]`) are refused. */
export function isAddressLiteral(text: string): boolean {
  return addressOfLiteral(text) !== undefined;
}

/** The IP address inside an address literal, or undefined. */
export function addressOfLiteral(text: string): string | undefined {
  if (!text.startsWith('[') || !text.endsWith(']') || text.length > 255) return undefined;
  const inner = text.slice(1, -1);
  if (/^ipv6:/i.test(inner)) {
    const address = inner.slice(5);
    return isIpv6(address) ? address : undefined;
  }
  return isIpv4(inner) ? inner : undefined;
}

/** True for a dotted quad without leading zeros. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return (
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
  );
}

/** True for an IPv6 address (RFC 4291 section 2.2), with an IPv4 tail or without. */
export function isIpv6(text: string): boolean {
  if (text.length > 45 || !/^[0-9A-Fa-f:.]+$/.test(text)) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const counts = halves.map((half, index) => groupCount(half, index === halves.length - 1));
  if (counts.includes(-1)) return false;
  const total = (counts[0] ?? 0) + (counts[1] ?? 0);
  return halves.length === 2 ? total <= 7 : total === 8;
}

/** Number of 16-bit groups in one side of `::`, or -1 when malformed. An IPv4 tail counts as two. */
function groupCount(text: string, mayEndInIpv4: boolean): number {
  if (text === '') return 0;
  const groups = text.split(':');
  let count = 0;
  for (const [index, group] of groups.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(group)) count += 1;
    else if (mayEndInIpv4 && index === groups.length - 1 && isIpv4(group)) count += 2;
    else return -1;
  }
  return count;
}
