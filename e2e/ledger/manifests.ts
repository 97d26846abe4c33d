/**
 * The manifests of the platforms that the ledger torments: deadlines and backoff short enough that everything must have drained two
 * minutes after the last fault.
 */
import { relayDomain } from '../support/manifests.ts';
import { destinations, mailboxDomain, mailboxes, senderDomain } from './destinations.ts';

/** Ports of the far ends. */
export interface FarEndPorts {
  readonly takes: number;
  readonly lmtp: number;
  readonly slow: number;
  readonly temporary: number;
  readonly permanent: number;
  readonly drops: number;
  /** Two hosts that `moved.test` goes to in turn. */
  readonly moved: readonly [number, number];
  readonly sender: number;
}

/** Name of the file that the fault `config` rewrites. */
export const movedFile = 'moved.yaml';

/** All files. @param mxPort port of the listener */
export function ledgerManifests(mxPort: number, ports: FarEndPorts): Record<string, string> {
  const smtp = (port: number) => `{smtp: {hosts: [{host: 127.0.0.1, port: ${port}}]}}`;
  const relay = (domain: string, route: string) => relayDomain(domain, '{mode: AcceptAll}', route);
  const named = (['slow', 'temporary', 'permanent', 'drops'] as const).flatMap((each) =>
    destinations[each].map((domain) => relay(domain, smtp(ports[each]))),
  );
  return {
    'platform.yaml': platformManifest(mxPort),
    'mailboxes.yaml': mailboxManifests(),
    'far-ends.yaml': [
      ...destinations.takes.map((domain) => relay(domain, smtp(ports.takes))),
      ...destinations.lmtp.map((domain) => relay(domain, `{lmtp: {host: 127.0.0.1, port: ${ports.lmtp}}}`)),
      ...named,
      relay(senderDomain, smtp(ports.sender)),
    ].join('---\n'),
    [movedFile]: movedManifest(ports.moved[0]),
  };
}

/** The route that changes under load. */
export function movedManifest(port: number): string {
  const [domain = ''] = destinations.moved;
  return relayDomain(domain, '{mode: AcceptAll}', `{smtp: {hosts: [{host: 127.0.0.1, port: ${port}}]}}`);
}

function platformManifest(mxPort: number): string {
  return `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.${mailboxDomain}
  listeners:
  - {name: mx, port: ${mxPort}, role: MX}
  limits: {connectionsPerClient: 0, errors: 1000}
  queue: {backoff: {minimum: 1s, maximum: 5s}}
  delivery: {timeouts: {connect: 5s, command: 20s, dataDone: 20s}}
`;
}

function mailboxManifests(): string {
  const domain = `apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: ${mailboxDomain}}
spec: {domain: ${mailboxDomain}, class: Mailbox}
`;
  const each = mailboxes.map(
    (name) => `apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: ${name}}
spec: {domain: ${mailboxDomain}, localPart: ${name}}
`,
  );
  return [domain, ...each].join('---\n');
}
