/**
 * Addresses that manifests send mail to, in domains of ours, where nobody of that name exists: such mail would be accepted and
 * then returned. A warning, because the Mailbox may be about to come.
 */
import type { ConfigSnapshot, FieldPath, ManifestObject, Problem } from '@railpost/config';

/** Finds them. */
export function findDeadEnds(objects: readonly ManifestObject[], snapshot: ConfigSnapshot): Problem[] {
  return objects.flatMap((object) =>
    targetsOf(object).flatMap(({ address, path }) => {
      const { verdict } = snapshot.verifyRecipient(address);
      if (verdict !== 'unknown-user' && verdict !== 'disabled') return [];
      const text =
        verdict === 'disabled'
          ? `${address} takes no mail`
          : `${address} is in a domain of ours, but does not exist`;
      return [
        {
          severity: 'warning',
          reason: 'DeadEnd',
          object: `${object.kind} ${object.namespace}/${object.name}`,
          source: object.source,
          path,
          text,
        } satisfies Problem,
      ];
    }),
  );
}

interface Target {
  readonly address: string;
  readonly path: FieldPath;
}

function targetsOf(object: ManifestObject): Target[] {
  switch (object.kind) {
    case 'AliasMap':
      return object.spec.entries.flatMap((entry, index) =>
        entry.to.map((address, item) => ({ address, path: ['spec', 'entries', index, 'to', item] })),
      );
    case 'Mailbox':
      return (object.spec.forwarding?.to ?? []).map((address, item) => ({
        address,
        path: ['spec', 'forwarding', 'to', item],
      }));
    case 'MailDomain':
      return object.spec.catchAll === undefined
        ? []
        : [{ address: object.spec.catchAll, path: ['spec', 'catchAll'] }];
    default:
      return [];
  }
}
