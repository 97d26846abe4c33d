/**
 * Mailbox: an address with a login. In a Relay domain it is a login and a valid recipient; nothing is stored there.
 */
import { z } from 'zod';
import { address, domainName, listSet, localPart, platformRef, quantity, secretRef } from './fields.ts';
import { defineKind } from './kind.ts';
import { NextHopManifest } from './next-hop.ts';
import { immutable, ruled } from './rule.ts';

/** Spec of a Mailbox. */
export const MailboxSpec = ruled(
  z.strictObject({
    platformRef: platformRef(),
    domain: ruled(domainName(), immutable).describe(
      'The MailDomain, which stands in the same namespace. Immutable.',
    ),
    localPart: ruled(localPart(), immutable).describe(
      'Local part of the address, in lower case; compared without case. Immutable.',
    ),
    passwordSecretRef: secretRef(
      'Secret with `passwordHash` ({ARGON2ID}, {SHA512-CRYPT} or {BLF-CRYPT}, as Dovecot writes them) or `password` (hashed when read; goes no further). Without it there is no login.',
    ).optional(),
    aliases: listSet(z.array(localPart()).max(64))
      .default([])
      .describe('More local parts of the domain whose mail comes here.'),
    forwarding: z
      .strictObject({
        to: listSet(z.array(address()).min(1).max(64)).describe('Addresses that get the mail.'),
        keepCopy: z.boolean().default(false).describe('True: the Mailbox gets the mail as well.'),
      })
      .optional()
      .describe('Sends the mail on. Postfix: .forward.'),
    delivery: NextHopManifest.optional().describe("Where the mail goes; overrides the domain's delivery."),
    quota: quantity('1', '1000Ti')
      .optional()
      .describe('Most octets that the Mailbox holds; 452 or 5.2.2 above it.'),
    state: z
      .enum(['Enabled', 'ReceiveOnly', 'SendOnly', 'Disabled'])
      .default('Enabled')
      .describe('ReceiveOnly: no login. SendOnly: takes no mail (550 5.2.1). Disabled: neither.'),
  }),
  {
    cel: '!has(self.aliases) || !(self.localPart in self.aliases)',
    message: 'aliases must not name the local part itself',
    path: ['aliases'],
    holds: (spec) => !spec.aliases.includes(spec.localPart),
  },
);
export type MailboxSpec = z.infer<typeof MailboxSpec>;

/** The kind. */
export const mailbox = defineKind({
  kind: 'Mailbox',
  plural: 'mailboxes',
  shortName: 'mbx',
  description:
    'A Mailbox is an address with a login, which is the full address. Of two objects that claim an address the older one wins.',
  spec: MailboxSpec,
  status: {
    address: z.string().max(318).optional().describe('The full address.'),
  },
  columns: [
    { name: 'Local', type: 'string', jsonPath: '.spec.localPart', description: 'Local part.' },
    { name: 'Domain', type: 'string', jsonPath: '.spec.domain', description: 'Domain.' },
    { name: 'State', type: 'string', jsonPath: '.spec.state', description: 'State.' },
  ],
  selectableFields: ['.spec.domain', '.spec.localPart'],
  example: `apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: alice}
spec:
  domain: example.test
  localPart: alice
  passwordSecretRef: {name: alice}
  aliases: [a.smith]
  forwarding: {to: [alice@elsewhere.test], keepCopy: true}
`,
});
