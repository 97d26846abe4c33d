/**
 * Completes addresses without a domain (row B2), as Postfix does with append_at_myorigin, swap_bangpath and
 * append_dot_mydomain = no (its default since 3.0): `alice` becomes `alice@origin`, `host!alice` becomes `alice@host`, the dot
 * behind a domain goes. In header fields everything around an address stays as written; what is not clearly an address
 * stays too. Pure.
 */
import {
  type HeaderEdit,
  type HeaderSection,
  type LocatedAddress,
  decodeLatin1,
  isDomainName,
  locateAddresses,
  splitAddress,
} from '@railpost/mail';

/** Fields that Postfix rewrites addresses in. */
const addressFields: ReadonlySet<string> = new Set([
  'apparently-to',
  'cc',
  'disposition-notification-to',
  'errors-to',
  'from',
  'mail-followup-to',
  'reply-to',
  'resent-cc',
  'resent-from',
  'resent-reply-to',
  'resent-sender',
  'resent-to',
  'return-receipt-to',
  'sender',
  'to',
]);

/** Beyond this many splices the rest of a header section stays as it is: edits travel in every job. */
const editLimit = 2000;

/** Edits that complete the addresses of a header section. */
export function completeHeaderAddresses(
  section: HeaderSection,
  octets: Uint8Array,
  origin: string,
): HeaderEdit[] {
  const edits: HeaderEdit[] = [];
  for (const field of section.fields) {
    if (!addressFields.has(field.name)) continue;
    const value = decodeLatin1(octets.subarray(field.valueStart, field.end));
    for (const located of locateAddresses(value)) {
      for (const edit of completeLocated(value, located, origin)) {
        if (edits.length < editLimit) edits.push({ ...edit, at: edit.at + field.valueStart });
      }
    }
  }
  return edits;
}

function completeLocated(value: string, located: LocatedAddress, origin: string): HeaderEdit[] {
  const { localStart, localEnd, domainEnd, end } = located;
  if (domainEnd !== undefined) {
    return value.slice(domainEnd, end) === '.' ? [{ at: domainEnd, remove: 1, insert: '' }] : [];
  }
  const host = bangHost(value.slice(localStart, localEnd));
  if (host === undefined) return [{ at: localEnd, remove: 0, insert: `@${origin}` }];
  return [
    { at: localStart, remove: host.length + 1, insert: '' },
    { at: localEnd, remove: 0, insert: `@${host}` },
  ];
}

/** Completes an envelope address; the null reverse-path stays. */
export function completeAddress(address: string, origin: string): string {
  if (address === '') return '';
  const { localPart, domain } = splitAddress(address);
  if (domain !== undefined) return domain.endsWith('.') ? address.slice(0, -1) : address;
  const host = bangHost(localPart);
  return host === undefined ? `${localPart}@${origin}` : `${localPart.slice(host.length + 1)}@${host}`;
}

/** The host of `host!user`; undefined when there is none that could be a domain. */
function bangHost(localPart: string): string | undefined {
  if (localPart.startsWith('"')) return undefined;
  const bang = localPart.indexOf('!');
  const host = localPart.slice(0, Math.max(bang, 0));
  return bang > 0 && bang < localPart.length - 1 && isDomainName(host) ? host : undefined;
}
