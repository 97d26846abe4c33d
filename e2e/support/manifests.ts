/**
 * Manifests of the platform that scenarios start: the kinds of the quickstart with ports of the test's own, first retry after 2 s, and
 * whatever a scenario adds.
 */

/** Ports of the listeners and of what stands behind the routes. */
export interface ScenarioPorts {
  readonly mx: number;
  readonly submission: number;
  readonly submissions: number;
}

/** Passwords of the two mailboxes; a scenario greps for them afterwards. */
export const passwords = { alice: 'alice-demo', bob: 'bob-demo' } as const;

/** MailPlatform/main; `more` is YAML of further spec fields, indented by two. */
export function platformManifest(ports: ScenarioPorts, more = ''): string {
  return `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.example.test
  listeners:
  - {name: mx, port: ${ports.mx}, role: MX}
  - {name: submission, port: ${ports.submission}, role: Submission}
  - {name: submissions, port: ${ports.submissions}, role: Submission, tls: {mode: Implicit}}
  queue: {backoff: {minimum: 2s, maximum: 8s}}
${more}`;
}

/** example.test with alice and bob, and the alias map roles. */
export function exampleDomain(domainFields = ''): string {
  return `apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: example.test}
spec:
  domain: example.test
  class: Mailbox
${domainFields}---
${mailbox('alice')}---
${mailbox('bob')}---
apiVersion: railpost.io/v1alpha1
kind: AliasMap
metadata: {name: roles}
spec:
  domain: example.test
  entries:
  - {localPart: postmaster, to: [alice@example.test]}
  - {localPart: team, to: [alice@example.test, bob@example.test, carol@partner.test]}
`;
}

function mailbox(name: 'alice' | 'bob'): string {
  return `apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: ${name}}
spec:
  domain: example.test
  localPart: ${name}
  passwordSecretRef: {name: ${name}}
---
apiVersion: v1
kind: Secret
metadata: {name: ${name}}
stringData: {password: ${passwords[name]}}
`;
}

/** A Relay domain; without `route` its mail goes to the hosts of its MX records. */
export function relayDomain(domain: string, recipients: string, route?: string): string {
  const domainPart = `apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: ${domain}}
spec:
  domain: ${domain}
  class: Relay
  recipients: ${recipients}
`;
  if (route === undefined) return domainPart;
  return `${domainPart}---
apiVersion: railpost.io/v1alpha1
kind: TransportMap
metadata: {name: ${domain.replaceAll('.', '-')}}
spec:
  routes:
  - name: only
    match: {domains: [${domain}]}
    nextHop: ${route}
`;
}
