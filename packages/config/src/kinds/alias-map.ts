/**
 * AliasMap: addresses that stand for other addresses. Several maps of one domain merge.
 */
import { z } from 'zod';
import { address, domainName, listMap, listSet, localPart, platformRef } from './fields.ts';
import { defineKind } from './kind.ts';
import { immutable, ruled } from './rule.ts';

/** Spec of an AliasMap. */
export const AliasMapSpec = z.strictObject({
  platformRef: platformRef(),
  domain: ruled(domainName(), immutable).describe(
    'The MailDomain, which stands in the same namespace. Immutable.',
  ),
  entries: listMap(
    z
      .array(
        z.strictObject({
          localPart: localPart().describe('Local part of the alias address; compared without case.'),
          to: listSet(z.array(address()).min(1).max(1000)).describe('Addresses that get the mail instead.'),
        }),
      )
      .min(1)
      .max(1000),
    'localPart',
  ).describe('The aliases.'),
});
export type AliasMapSpec = z.infer<typeof AliasMapSpec>;

/** The kind. */
export const aliasMap = defineKind({
  kind: 'AliasMap',
  plural: 'aliasmaps',
  shortName: 'amap',
  description:
    'An AliasMap gives addresses of a domain to other addresses. Expansion is recursive, safe against circles, limited to 1000 recipients, and keeps the extension of an address. Postfix: virtual(5).',
  spec: AliasMapSpec,
  status: {
    entries: z.int().min(0).optional().describe('Number of accepted entries.'),
  },
  columns: [
    { name: 'Domain', type: 'string', jsonPath: '.spec.domain', description: 'Domain.' },
    { name: 'Entries', type: 'integer', jsonPath: '.status.entries', description: 'Accepted entries.' },
  ],
  selectableFields: ['.spec.domain'],
  example: `apiVersion: railpost.io/v1alpha1
kind: AliasMap
metadata: {name: roles}
spec:
  domain: example.test
  entries:
  - {localPart: postmaster, to: [alice@example.test]}
  - {localPart: team, to: [alice@example.test, bob@example.test, carol@partner.test]}
`,
});
