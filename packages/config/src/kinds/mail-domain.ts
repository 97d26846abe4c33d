/**
 * MailDomain: a domain we accept mail for. Its class says what it means to be a recipient there (Postfix's address classes).
 */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { address, domainName, listSet, localPart, platformRef } from './fields.ts';
import { defineKind } from './kind.ts';
import { NextHopManifest } from './next-hop.ts';
import { immutable, ruled } from './rule.ts';

/** True when RE2 takes the pattern (so does Kubernetes, whose engine is the same). */
function isRegularExpression(pattern: string): boolean {
  try {
    RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    return true;
  } catch {
    return false; // RE2JS says no by throwing; what it says is of no use to the reader of a manifest
  }
}

const regularExpression = z
  .string()
  .min(1)
  .max(512)
  .refine(isRegularExpression, 'is not a regular expression that RE2 takes');

const relayRecipients = ruled(
  z.strictObject({
    mode: z
      .enum(['AcceptAll', 'List'])
      .describe(
        'AcceptAll: every local part. List: those of list and patterns, Mailboxes and AliasMaps; others 550 5.1.1.',
      ),
    list: listSet(z.array(localPart()).max(10_000)).optional().describe('Local parts that exist.'),
    patterns: z
      .array(regularExpression)
      .max(100)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .optional()
      .describe('RE2 patterns, without case, unanchored, on the local part without extension.'),
  }),
  {
    cel: "self.mode == 'List' || (!has(self.list) && !has(self.patterns))",
    message: 'list and patterns have a meaning only with mode List',
    path: ['mode'],
    holds: (each) => each.mode === 'List' || (each.list === undefined && each.patterns === undefined),
  },
);

/** Spec of a MailDomain. */
export const MailDomainSpec = ruled(
  z.strictObject({
    platformRef: platformRef(),
    domain: ruled(domainName(), immutable).describe('The domain, as A-labels in lower case. Immutable.'),
    class: z
      .enum(['Mailbox', 'Relay', 'Alias'])
      .describe(
        'Mailbox: recipients are Mailboxes and AliasMaps here. Relay: mail goes on to another server. Alias: stands for another domain. Postfix: ADDRESS_CLASS_README.',
      ),
    delivery: NextHopManifest.optional().describe(
      'Where mail for the domain goes. Default: mailbox for class Mailbox; for class Relay the routes of TransportMaps, else its MX.',
    ),
    recipientDelimiters: z
      .string()
      .max(8)
      .regex(/^[!#$%&'*+/=?^_`{|}~.-]*$/, 'must be characters of an atom, such as + or -')
      .default('+')
      .describe(
        'Characters that separate the local part from its extension; empty = none. Postfix: recipient_delimiter.',
      ),
    catchAll: address()
      .optional()
      .describe(
        'Address that gets the mail of local parts that do not exist; class Mailbox. Postfix: @domain in virtual(5).',
      ),
    aliasOf: domainName()
      .optional()
      .describe(
        'Class Alias: mail for user@this goes to user@that, which is another MailDomain; recipients are checked there.',
      ),
    recipients: relayRecipients
      .optional()
      .describe('Class Relay: which recipients exist. Postfix: relay_recipient_maps.'),
    suspend: z
      .boolean()
      .default(false)
      .describe(
        'True: accept and keep mail for the domain, deliver none; the time does not count against its lifetime.',
      ),
  }),
  {
    cel: "has(self.aliasOf) == (self.class == 'Alias')",
    message: 'aliasOf belongs to class Alias, and there it must be set',
    path: ['aliasOf'],
    holds: (spec) => (spec.aliasOf !== undefined) === (spec.class === 'Alias'),
  },
  {
    cel: '!has(self.aliasOf) || self.aliasOf != self.domain',
    message: 'a domain cannot be an alias of itself',
    path: ['aliasOf'],
    holds: (spec) => spec.aliasOf !== spec.domain,
  },
  {
    cel: "has(self.recipients) == (self.class == 'Relay')",
    message: 'recipients belongs to class Relay, and there it must be set (mode AcceptAll or List)',
    path: ['recipients'],
    holds: (spec) => (spec.recipients !== undefined) === (spec.class === 'Relay'),
  },
  {
    cel: "!has(self.catchAll) || self.class == 'Mailbox'",
    message: 'catchAll belongs to class Mailbox',
    path: ['catchAll'],
    holds: (spec) => spec.catchAll === undefined || spec.class === 'Mailbox',
  },
  {
    cel: "!has(self.delivery) || self.class != 'Alias'",
    message: 'a domain of class Alias has no delivery of its own',
    path: ['delivery'],
    holds: (spec) => spec.delivery === undefined || spec.class !== 'Alias',
  },
  {
    cel: "!has(self.delivery) || !has(self.delivery.mailbox) || self.class == 'Mailbox'",
    message: 'delivery.mailbox belongs to class Mailbox',
    path: ['delivery', 'mailbox'],
    holds: (spec) => spec.delivery?.mailbox === undefined || spec.class === 'Mailbox',
  },
);
export type MailDomainSpec = z.infer<typeof MailDomainSpec>;

/** The kind. */
export const mailDomain = defineKind({
  kind: 'MailDomain',
  plural: 'maildomains',
  shortName: 'maildom',
  description:
    'A MailDomain is a domain that the platform accepts mail for. It is named like the domain, so that one namespace cannot claim a domain twice; of two namespaces the older object wins.',
  spec: MailDomainSpec,
  status: {
    mailboxes: z.int().min(0).optional().describe('Number of accepted Mailboxes.'),
    aliases: z.int().min(0).optional().describe('Number of alias addresses, of Mailboxes and AliasMaps.'),
  },
  columns: [
    { name: 'Class', type: 'string', jsonPath: '.spec.class', description: 'Class of the domain.' },
    { name: 'Mailboxes', type: 'integer', jsonPath: '.status.mailboxes', description: 'Accepted Mailboxes.' },
    {
      name: 'Suspended',
      type: 'boolean',
      jsonPath: '.spec.suspend',
      description: 'Keeps mail.',
      priority: 1,
    },
  ],
  selectableFields: ['.spec.domain', '.spec.class'],
  objectRule: {
    cel: 'self.metadata.name == self.spec.domain',
    message: 'metadata.name must be the domain (spec.domain)',
    field: 'metadata.name',
    holds: (name, spec) => name === spec.domain,
  },
  example: `apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: example.test}
spec:
  domain: example.test
  class: Mailbox
---
apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: partner.test}
spec:
  domain: partner.test
  class: Relay
  recipients: {mode: List, list: [carol], patterns: ["^team-"]}
`,
});
