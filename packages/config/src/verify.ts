/**
 * Whether RCPT may name an address (rows A8, A9): whatever can be refused is refused in the session, not returned later.
 */
import type { Address } from './address.ts';
import type { Directory, Identity } from './lookup.ts';
import type { RecipientVerdict } from './resolution.ts';
import { routeOf } from './resolve.ts';
import type { UnitReader } from './unit.ts';

/** Sender-specified routing (`user%other@relay`, `"user@other"@relay`, `other!user@relay`): RFC 5321 appendix F.2. */
const sourceRouted = /[@%!]/;

/** Decides; `sender` matters only where sender routes lead to `error:` or `retry:`. */
export function verifyRecipient(
  directory: Directory,
  reader: UnitReader,
  recipient: string,
  sender: string,
): RecipientVerdict {
  const address = directory.parse(recipient);
  const from = sender === '' ? undefined : directory.parse(sender);
  return decide(directory, reader, { address, from }, address.domain);
}

interface Question {
  readonly address: Address;
  readonly from: Address | undefined;
}

/** `domain` is the one that was named; behind an Alias domain the recipient is checked in another. */
function decide(
  directory: Directory,
  reader: UnitReader,
  question: Question,
  domain: string,
): RecipientVerdict {
  const identity = directory.identify(question.address);
  switch (identity.kind) {
    case 'foreign':
      return refusal(directory, reader, question, identity, undefined) ?? { verdict: 'not-ours' };
    case 'domain-alias': {
      const address = directory.parse(identity.target);
      // An Alias of an Alias is not accepted by the compiler, so that this ends after one step.
      if (directory.domain(address.domain)?.class === 'Alias') return { verdict: 'unknown-user', domain };
      return decide(directory, reader, { ...question, address }, domain);
    }
    case 'alias':
    case 'catch-all':
    case 'postmaster':
      return { verdict: 'ours', domain };
    case 'unknown':
      return { verdict: 'unknown-user', domain };
    case 'mailbox':
      return decideMailbox(directory, reader, { ...question, identity, domain });
    case 'relay':
      if (!identity.isListed) return { verdict: 'unknown-user', domain };
      if (sourceRouted.test(question.address.local)) return { verdict: 'not-ours' };
      return refusal(directory, reader, question, identity, domain) ?? { verdict: 'ours', domain };
  }
}

function decideMailbox(
  directory: Directory,
  reader: UnitReader,
  about: Question & {
    readonly identity: Extract<Identity, { readonly kind: 'mailbox' }>;
    readonly domain: string;
  },
): RecipientVerdict {
  const { identity, domain } = about;
  const { state, forwarding, address } = identity.mailbox;
  if (state === 'SendOnly' || state === 'Disabled') return { verdict: 'disabled', domain };
  if (forwarding !== undefined) return { verdict: 'ours', domain };
  const own = identity.isAlias ? { ...about, address: directory.parse(address) } : about;
  return refusal(directory, reader, own, identity, domain) ?? { verdict: 'ours', domain };
}

function refusal(
  directory: Directory,
  reader: UnitReader,
  { address, from }: Question,
  identity: Extract<Identity, { readonly kind: 'foreign' | 'relay' | 'mailbox' }>,
  domain: string | undefined,
): RecipientVerdict | undefined {
  const { nextHop } = routeOf(directory, reader, { address, sender: from, identity });
  if (nextHop.transport !== 'error' && nextHop.transport !== 'retry') return undefined;
  return { verdict: 'refused', domain, code: nextHop.code, text: nextHop.text };
}
