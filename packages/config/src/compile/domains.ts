/**
 * MailDomains: who owns which domain, and what its settings are. The older object wins; an alias must stand for a domain of ours
 * that is no alias itself, so that recipients can be checked there in one step.
 */
import type { ManifestOf } from '../manifests.ts';
import type { DomainSettings } from '../settings.ts';
import type { Findings } from './findings.ts';
import { type HopContext, compileHop } from './hop.ts';

/** An accepted domain with the object that made it. */
export interface AcceptedDomain {
  readonly object: ManifestOf<'MailDomain'>;
  readonly settings: DomainSettings;
}

/** Accepts domains, oldest first. */
export function compileDomains(
  objects: readonly ManifestOf<'MailDomain'>[],
  findings: Findings,
  context: Pick<HopContext, 'secrets' | 'sealed'>,
): Map<string, AcceptedDomain> {
  const owners = new Map<string, ManifestOf<'MailDomain'>>();
  for (const object of objects) {
    const { domain } = object.spec;
    const owner = owners.get(domain);
    if (owner === undefined) {
      owners.set(domain, object);
      continue;
    }
    findings.reject(object, {
      reason: 'DomainConflict',
      path: ['spec', 'domain'],
      text: `${domain} belongs to MailDomain ${owner.namespace}/${owner.name}, which is older`,
    });
  }
  const accepted = new Map<string, AcceptedDomain>();
  for (const [domain, object] of owners) {
    if (!isAliasTargetGood(object, owners, findings)) continue;
    accepted.set(domain, { object, settings: domainSettings(object, context) });
  }
  return accepted;
}

function isAliasTargetGood(
  object: ManifestOf<'MailDomain'>,
  owners: ReadonlyMap<string, ManifestOf<'MailDomain'>>,
  findings: Findings,
): boolean {
  const target = object.spec.aliasOf;
  if (target === undefined) return true;
  const owner = owners.get(target);
  if (owner !== undefined && owner.spec.class !== 'Alias') return true;
  const text =
    owner === undefined
      ? `there is no MailDomain ${target}`
      : `${target} is of class Alias itself: name the domain it stands for`;
  const reason = owner === undefined ? 'DomainNotFound' : 'Invalid';
  findings.reject(object, { reason, path: ['spec', 'aliasOf'], text });
  return false;
}

function domainSettings(
  object: ManifestOf<'MailDomain'>,
  context: Pick<HopContext, 'secrets' | 'sealed'>,
): DomainSettings {
  const { spec, namespace } = object;
  const delivery = spec.delivery ?? (spec.class === 'Mailbox' ? { mailbox: {} } : undefined);
  return {
    domain: spec.domain,
    namespace,
    class: spec.class,
    delivery: delivery && compileHop(delivery, { ...context, object, path: ['spec', 'delivery'] }),
    recipientDelimiters: spec.recipientDelimiters,
    catchAll: spec.catchAll,
    aliasOf: spec.aliasOf,
    recipients: spec.recipients && {
      mode: spec.recipients.mode,
      list: spec.recipients.list ?? [],
      patterns: spec.recipients.patterns ?? [],
    },
    suspend: spec.suspend,
  };
}
