/**
 * Mailboxes and AliasMaps: who is who in each domain. The older object wins an address. A Mailbox whose own address is taken is
 * not accepted; of Mailbox aliases and AliasMap entries only those that are taken are left out, because one clash should not
 * silence a thousand others.
 */
import { compareText } from '../canonical.ts';
import { quantityBytes } from '../kinds/units.ts';
import { type ManifestOf, objectLabel } from '../manifests.ts';
import type { FieldPath } from '../problem.ts';
import { type DomainEntry, type UnitReader, domainUnitKey } from '../unit.ts';
import type { AcceptedDomain } from './domains.ts';
import type { Findings } from './findings.ts';
import { type HopContext, compileHop } from './hop.ts';

/** Objects that claim addresses. */
export type AddressObject = ManifestOf<'Mailbox'> | ManifestOf<'AliasMap'>;

/** What the claims are made against. */
export interface AddressContext extends Pick<HopContext, 'secrets' | 'sealed'> {
  readonly domains: ReadonlyMap<string, AcceptedDomain>;
  readonly findings: Findings;
  /** The units of before: plain passwords keep their hashes. */
  readonly previous: UnitReader | undefined;
}

/** Entries by domain, then by local part. */
export type AddressBook = Map<string, Map<string, DomainEntry>>;

interface Claim {
  readonly object: AddressObject;
  readonly localPart: string;
  readonly path: FieldPath;
}

/** Gives out addresses, oldest object first. */
export function compileAddresses(objects: readonly AddressObject[], context: AddressContext): AddressBook {
  const book: AddressBook = new Map();
  for (const domain of context.domains.keys()) book.set(domain, new Map());
  for (const object of objects) {
    const entries = book.get(object.spec.domain);
    if (!isDomainGood(object, context) || entries === undefined) continue;
    if (object.kind === 'Mailbox') addMailbox(object, entries, context);
    else addAliases(object, entries, context.findings);
  }
  for (const [name, { object }] of context.domains) {
    const all = [...(book.get(name)?.values() ?? [])];
    const mailboxes = all.filter((entry) => entry.kind === 'mailbox').length;
    context.findings.detail(object, { mailboxes, aliases: all.length - mailboxes });
  }
  return book;
}

function isDomainGood(object: AddressObject, { domains, findings }: AddressContext): boolean {
  const name = object.spec.domain;
  const domain = domains.get(name);
  const path = ['spec', 'domain'];
  if (domain === undefined || domain.object.namespace !== object.namespace) {
    const text =
      domain === undefined
        ? `there is no MailDomain ${name}`
        : `MailDomain ${name} stands in namespace ${domain.object.namespace}: put the object there`;
    findings.reject(object, { reason: 'DomainNotFound', path, text });
    return false;
  }
  if (domain.settings.class !== 'Alias') return true;
  const text = `${name} is an alias of ${domain.settings.aliasOf ?? ''}: put the object there`;
  findings.reject(object, { reason: 'Invalid', path, text });
  return false;
}

function addMailbox(
  object: ManifestOf<'Mailbox'>,
  entries: Map<string, DomainEntry>,
  context: AddressContext,
): void {
  const { spec } = object;
  context.findings.detail(object, { address: `${spec.localPart}@${spec.domain}` });
  const own = { object, localPart: spec.localPart, path: ['spec', 'localPart'] };
  if (!isFree(own, entries, context.findings)) return;
  const name = `${object.namespace}/${object.name}`;
  entries.set(spec.localPart, mailboxEntry(object, context));
  for (const [index, alias] of spec.aliases.entries()) {
    const claim = { object, localPart: alias, path: ['spec', 'aliases', index] };
    if (!isFree(claim, entries, context.findings)) continue;
    entries.set(alias, { kind: 'mailbox-alias', object: name, of: spec.localPart });
  }
}

function mailboxEntry(object: ManifestOf<'Mailbox'>, context: AddressContext): DomainEntry {
  const { spec } = object;
  return {
    kind: 'mailbox',
    object: `${object.namespace}/${object.name}`,
    state: spec.state,
    ...passwordOf(object, context),
    ...(spec.forwarding !== undefined && { forwarding: spec.forwarding }),
    ...(spec.delivery !== undefined && {
      delivery: compileHop(spec.delivery, { ...context, object, path: ['spec', 'delivery'] }),
    }),
    ...(spec.quota !== undefined && { quotaBytes: quantityBytes(spec.quota) }),
  };
}

function passwordOf(
  object: ManifestOf<'Mailbox'>,
  { secrets, previous }: AddressContext,
): { readonly passwordHash?: string; readonly passwordTag?: string } {
  const { passwordSecretRef: reference, domain, localPart } = object.spec;
  if (reference === undefined) return {};
  const before = previous?.entry<DomainEntry>(domainUnitKey(domain), localPart);
  const path = ['spec', 'passwordSecretRef', 'name'];
  return (
    secrets.passwordHash(
      { object, path, name: reference.name, use: 'password' },
      before?.kind === 'mailbox' ? before : undefined,
    ) ?? {}
  );
}

function addAliases(
  object: ManifestOf<'AliasMap'>,
  entries: Map<string, DomainEntry>,
  findings: Findings,
): void {
  let accepted = 0;
  for (const [index, { localPart, to }] of object.spec.entries.entries()) {
    const claim = { object, localPart, path: ['spec', 'entries', index, 'localPart'] };
    if (!isFree(claim, entries, findings)) continue;
    entries.set(localPart, { kind: 'alias', object: `${object.namespace}/${object.name}`, to });
    accepted += 1;
  }
  findings.detail(object, { entries: accepted });
}

function isFree(claim: Claim, entries: ReadonlyMap<string, DomainEntry>, findings: Findings): boolean {
  const owner = entries.get(claim.localPart);
  if (owner === undefined) return true;
  const ownerKind = owner.kind === 'alias' ? 'AliasMap' : 'Mailbox';
  const label = `${ownerKind} ${owner.object}`;
  findings.reject(claim.object, {
    reason: 'AddressConflict',
    path: claim.path,
    text: `${claim.localPart}@${claim.object.spec.domain} belongs to ${label}${
      label === objectLabel(claim.object) ? ' already' : ', which is older'
    }`,
  });
  return false;
}

/**
 * Who gets mail for `<postmaster>` and for the postmaster of domains without one: the postmaster of the origin, else of the
 * nearest parent of it, else of the first domain in order that has one.
 */
export function findPostmaster(
  origin: string,
  domains: ReadonlyMap<string, AcceptedDomain>,
  book: AddressBook,
): string | undefined {
  const labels = origin.split('.');
  const parents = labels.map((_, index) => labels.slice(index).join('.'));
  const others = [...domains.keys()].sort(compareText);
  const found = [...parents, ...others].find((name) => {
    const settings = domains.get(name)?.settings;
    return settings !== undefined && (settings.catchAll !== undefined || book.get(name)?.has('postmaster'));
  });
  return found === undefined ? undefined : `postmaster@${found}`;
}
