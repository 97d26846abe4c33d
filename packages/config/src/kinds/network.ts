/**
 * CIDR prefixes, as far as the open-relay guard needs them: is it one, how long is it, is it private IPv6.
 * Stricter than a parser for packets: host bits, zones and IPv4 dressed as IPv6 are refused, because a typing error here
 * would open a relay.
 */

/** A parsed prefix. */
export interface Prefix {
  readonly family: 4 | 6;
  readonly length: number;
  /** Address bits, most significant octet first: 4 or 16 of them. */
  readonly octets: readonly number[];
}

/** Shortest prefix that may be trusted, by family. fc00::/7 (RFC 4193) is excepted. */
const shortestTrustedPrefix: Readonly<Record<4 | 6, number>> = { 4: 8, 6: 16 };

/** Parses `address/length`; undefined when it is malformed, has host bits, or is IPv4 mapped into IPv6. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([0-9a-fA-F.:]+)\/([0-9]{1,3})$/.exec(text);
  const address = match?.[1];
  if (address === undefined) return undefined;
  const octets = address.includes(':') ? ipv6Octets(address) : ipv4Octets(address);
  const length = Number(match?.[2]);
  if (octets === undefined || length > octets.length * 8) return undefined;
  if (hasHostBits(octets, length) || isMappedIpv4(octets)) return undefined;
  return { family: octets.length === 4 ? 4 : 6, length, octets };
}

/** True when mail clients in this prefix may be trusted as a group: not a continent of the Internet. */
export function mayBeTrusted(prefix: Prefix): boolean {
  if (prefix.length >= shortestTrustedPrefix[prefix.family]) return true;
  const first = prefix.octets[0] ?? 0;
  return prefix.family === 6 && prefix.length >= 7 && (first === 0xfc || first === 0xfd);
}

function ipv4Octets(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const octets = parts.map(Number);
  return octets.every((octet) => octet <= 255) ? octets : undefined;
}

function ipv6Octets(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const head = groups[0] ?? [];
  const tail = groups[1] ?? [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [Math.floor(value / 256), value % 256];
  });
}

function hasHostBits(octets: readonly number[], length: number): boolean {
  return octets.some((octet, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return octet % 2 ** (8 - bits) !== 0;
  });
}

function isMappedIpv4(octets: readonly number[]): boolean {
  return (
    octets.length === 16 &&
    octets.slice(0, 10).every((octet) => octet === 0) &&
    octets[10] === 255 &&
    octets[11] === 255
  );
}
