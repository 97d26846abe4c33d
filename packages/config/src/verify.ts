/**
 * Whether RCPT may name an address (rows A8, A9): whatever can be refused is refused in the session, not returned later.
 */
import type { Address } from './address.ts';
import type { Directory, Identity } from './lookup.ts';
import type { RecipientVerdict } from './resolution.ts';
import { routeOf } from './resolve.ts';

/** Sender-specified routing (`user%other@relay`, `"user@other"@relay`, `other!user@relay`): RFC 5321 appendix F.2. */
const sourceRouted = /[@%!]/;

/** Decides; `sender` matters only where sender routes lead to `error:` or `retry:`. */
export function verifyRecipient(directory: Directory, recipient: string, sender: string): RecipientVerdict {
  const named = directory.parse(recipient);
  const from = sender === '' ? undefined : directory.parse(sender);
  return decide(directory, { ...behindAlias(directory, named), from, domain: named.domain });
}

interface Question {
  readonly address: Address;
  readonly identity: Identity;
  readonly from: Address | undefined;
  /** The domain that was named; behind an Alias domain the recipient is checked in another. */
  readonly domain: string;
}

/** One step through an Alias domain; the compiler accepts no Alias of an Alias. */
function behindAlias(directory: Directory, named: Address): Pick<Question, 'address' | 'identity'> {
  const identity = directory.identify(named);
  if (identity.kind !== 'domain-alias') return { address: named, identity };
  const address = directory.parse(identity.target);
  return { address, identity: directory.identify(address) };
}

function decide(directory: Directory, question: Question): RecipientVerdict {
  const { identity, domain } = question;
  switch (identity.kind) {
    case 'foreign':
      return refusal(directory, { ...question, identity }, undefined) ?? { verdict: 'not-ours' };
    case 'alias':
    case 'catch-all':
    case 'postmaster':
      return { verdict: 'ours', domain };
    case 'domain-alias':
    case 'unknown':
      return { verdict: 'unknown-user', domain };
    case 'mailbox':
      return decideMailbox(directory, { ...question, identity });
    case 'relay':
      return decideRelay(directory, { ...question, identity });
  }
}

type QuestionAbout<K extends Identity['kind']> = Question & {
  readonly identity: Extract<Identity, { readonly kind: K }>;
};

function decideRelay(directory: Directory, question: QuestionAbout<'relay'>): RecipientVerdict {
  const { identity, domain, address } = question;
  if (!identity.isListed) return { verdict: 'unknown-user', domain };
  if (sourceRouted.test(address.local)) return { verdict: 'not-ours' };
  return refusal(directory, question, domain) ?? { verdict: 'ours', domain };
}

function decideMailbox(directory: Directory, question: QuestionAbout<'mailbox'>): RecipientVerdict {
  const { identity, domain } = question;
  const { state, forwarding, address } = identity.mailbox;
  if (state === 'SendOnly' || state === 'Disabled') return { verdict: 'disabled', domain };
  if (forwarding !== undefined) return { verdict: 'ours', domain };
  const own = identity.isAlias ? { ...question, address: directory.parse(address) } : question;
  return refusal(directory, own, domain) ?? { verdict: 'ours', domain };
}

/** What a route to `error:` or `retry:` says; undefined: the route leads somewhere. */
function refusal(
  directory: Directory,
  { address, from, identity }: QuestionAbout<'foreign' | 'relay' | 'mailbox'>,
  domain: string | undefined,
): RecipientVerdict | undefined {
  const { nextHop } = routeOf(directory, { address, sender: from, identity });
  if (nextHop.transport !== 'error' && nextHop.transport !== 'retry') return undefined;
  return { verdict: 'refused', domain, code: nextHop.code, text: nextHop.text };
}
