/**
 * TransportMap: where mail goes. There are no priorities: the most specific match wins across all objects, and of equal
 * matches the older object's (resolve.ts has the order).
 */
import { z } from 'zod';
import { address, entryName, listMap, listSet, platformRef } from './fields.ts';
import { defineKind } from './kind.ts';
import { NextHopManifest } from './next-hop.ts';
import { exactlyOneOf, ruled } from './rule.ts';

const domainMatch = z
  .string()
  .max(255)
  .regex(
    /^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'must be a domain in lower case or *.domain',
  );
const senderMatch = z
  .string()
  .max(318)
  .regex(
    /^(\*|[^\x00-\x20A-Z"(),:;<>@[\\\]\x7f]+)@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'must be an address in lower case or *@domain',
  );

const match = ruled(
  z.strictObject({
    recipients: listSet(z.array(address()).min(1).max(1000))
      .optional()
      .describe('Recipients, with or without extension.'),
    domains: listSet(z.array(domainMatch).min(1).max(1000))
      .optional()
      .describe('Domains of recipients; `*.parent` matches everything below parent, not parent itself.'),
    senders: listSet(z.array(senderMatch).min(1).max(1000))
      .optional()
      .describe(
        'Reverse-paths; `*@domain` matches all of a domain. Postfix: sender_dependent_relayhost_maps.',
      ),
    default: z
      .literal(true)
      .optional()
      .describe('Everything that no other rule takes. Postfix: relayhost, default_transport.'),
  }),
  exactlyOneOf(['recipients', 'domains', 'senders', 'default']),
);

/** Spec of a TransportMap. */
export const TransportMapSpec = z.strictObject({
  platformRef: platformRef(),
  routes: listMap(
    z
      .array(
        z.strictObject({
          name: entryName().describe('Name of the route, in explain and status.'),
          match: match.describe('What the route is for: exactly one of the members.'),
          nextHop: NextHopManifest.describe('Where it goes.'),
        }),
      )
      .min(1)
      .max(256),
    'name',
  ).describe('Routes; their order means nothing.'),
});
export type TransportMapSpec = z.infer<typeof TransportMapSpec>;

/** The kind. */
export const transportMap = defineKind({
  kind: 'TransportMap',
  plural: 'transportmaps',
  shortName: 'tm',
  description:
    'A TransportMap says where mail goes. Most specific wins, across all objects: recipient; recipient without extension; Mailbox.delivery; domain; longest *.parent; MailDomain.delivery; sender; *@sender-domain; default; MX. Of equal matches the older object wins and the other route is listed in status.shadowedRoutes. Outside the namespace of the installation a TransportMap governs only recipients and senders of the domains of its own namespace. Postfix: transport(5), relayhost, sender_dependent_relayhost_maps.',
  spec: TransportMapSpec,
  status: {
    routes: z.int().min(0).optional().describe('Number of routes.'),
    shadowedRoutes: z
      .array(z.string().max(600))
      .max(256)
      .optional()
      .describe('Routes of which a match is taken by an older object.'),
  },
  columns: [
    { name: 'Routes', type: 'integer', jsonPath: '.status.routes', description: 'Number of routes.' },
  ],
  selectableFields: [],
  example: `apiVersion: railpost.io/v1alpha1
kind: TransportMap
metadata: {name: outbound}
spec:
  routes:
  - name: partner
    match: {domains: [partner.test, "*.partner.test"]}
    nextHop: {smtp: {hosts: [{host: 127.0.0.1, port: 2526}]}}
  - name: rest
    match: {default: true}
    nextHop: {smtp: {}}
`,
});
